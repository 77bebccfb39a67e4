"""The ways in which people use the chart: what each of these renders is looked at by many tests."""

from __future__ import annotations

from tests.helm.chart import Values

SUBSCRIPTIONS = [{"securities": ["HK.00700"], "subtypes": ["ticker", "order-book"]}]

TWO_ENDPOINTS: Values = {
    "endpoints": [
        {
            "name": "hk",
            "host": "opend-hk",
            "port": 11111,
            "config": {"subscriptions": SUBSCRIPTIONS},
        },
        {
            "name": "us",
            "host": "opend-us",
            "port": 33333,
            "config": {
                "opend": {"transport": "websocket", "websocket": {"ssl": True}},
                "subscriptions": [
                    {"securities": ["US.AAPL"], "subtypes": ["quote"], "session": None}
                ],
            },
        },
    ]
}

SECRETS: Values = {
    "existingSecrets": ["kafka-user", "registry-login", "opend-key"],
    "config": {
        "opend": {
            "encryption": "aes_cbc",
            "rsa_private_key_file": "/run/secrets/opend-key/key.pem",
        },
        "kafka": {
            "bootstrap_servers": "a.kafka:9093,b.kafka:9094",
            "properties": {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": "market-opend-kafka",
                "sasl.password_file": "/run/secrets/kafka-user/password",
                "sasl.oauthbearer.token.endpoint.url": "https://login.example/token",
            },
        },
        "schema_registry": {
            "url": "https://registry.example",
            "properties": {"basic.auth.user.info_file": "/run/secrets/registry-login/login"},
        },
    },
}

SIDECAR: Values = {
    "opendSidecar": {
        "enabled": True,
        "image": {"repository": "registry.example/opend", "tag": "10.11"},
        "command": ["/opt/opend/FutuOpenD"],
        "args": ["-api_ip=127.0.0.1"],
        "env": [{"name": "TZ", "value": "Asia/Hong_Kong"}],
        "envFrom": [{"secretRef": {"name": "opend-login"}}],
        "resources": {"limits": {"memory": "2Gi"}},
        "persistence": {"storageClassName": "fast"},
    },
    "networkPolicy": {"enabled": True},
}

STRIMZI: Values = {
    "strimzi": {"enabled": True, "cluster": "markets", "namespace": "kafka"},
    "existingSecrets": ["market-opend-kafka"],
    "config": {
        "subscriptions": [
            {
                "securities": ["HK.00700", "US..DJI", "HK_FUTURE.HSI-2412_x", "US.BRK/B"],
                "subtypes": ["ticker", "order-book", "k-1m"],
            }
        ],
        "kafka": {
            "topic_prefix": "my.feed",
            "order_book_latest": True,
            "topics": {
                "partitions": 3,
                "replication_factor": 3,
                "config": {"min.insync.replicas": 2, "retention.ms": 86_400_000},
            },
        },
    },
}

LABELLED = {"labels": {"release": "prometheus"}}

PLACEMENT: Values = {
    "image": {
        "repository": "registry.example/opend-kafka",
        "digest": f"sha256:{'0123456789abcdef' * 4}",
    },
    "imagePullSecrets": [{"name": "registry"}],
    "fullnameOverride": "feed",
    "admin": {"host": "::", "port": 9000},
    "resources": {"limits": {"cpu": "1", "memory": "2Gi"}, "requests": {"cpu": "500m"}},
    "serviceAccount": {"create": True, "name": "feed", "annotations": {"who": "we"}},
    "service": {"annotations": {"who": "we"}},
    "podAnnotations": {"who": "we"},
    "podLabels": {"team": "data"},
    "statefulSetAnnotations": {"reloader.stakater.com/auto": "true"},
    "extraEnv": [
        {"name": "OPEND_KAFKA__LOG__LEVEL", "value": "debug"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ],
    "extraEnvFrom": [{"configMapRef": {"name": "more"}}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "our-ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/our-ca", "readOnly": True}],
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]
            }
        }
    },
    "tolerations": [{"key": "market", "operator": "Exists", "effect": "NoSchedule"}],
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "worker"}},
        }
    ],
    "priorityClassName": "high",
}

#: Name → values.
COMBINATIONS: dict[str, Values] = {
    "defaults": {},
    "two endpoints": TWO_ENDPOINTS,
    "secrets": SECRETS,
    "no registry": {"config": {"schema_registry": {"url": None}}},
    "sidecar": SIDECAR,
    "two sidecars, nothing kept": TWO_ENDPOINTS
    | {
        "opendSidecar": {
            "enabled": True,
            "image": {"repository": "opend"},
            "persistence": {"enabled": False},
        }
    },
    "strimzi": STRIMZI,
    "strimzi, a topic a subtype": STRIMZI
    | {"config": {"kafka": {"topic_layout": "subtype", "topics": {"create": False}}}},
    "strimzi, the user alone": {
        "strimzi": {
            "enabled": True,
            "topics": {"enabled": False},
            "user": {"authentication": "tls"},
        }
    },
    "service monitor": {"serviceMonitor": {"enabled": True} | LABELLED},
    "pod monitor, rules and dashboard": {
        "podMonitor": {"enabled": True} | LABELLED,
        "prometheusRule": {"enabled": True} | LABELLED,
        "grafanaDashboard": {"enabled": True, "annotations": {"folder": "Feeds"}},
    },
    "network policy": SECRETS | {"networkPolicy": {"enabled": True}},
    "network policy, narrowed": TWO_ENDPOINTS
    | {
        "networkPolicy": {
            "enabled": True,
            "from": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
            "to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
            "extraEgress": [{"ports": [{"port": 3128, "protocol": "TCP"}]}],
        }
    },
    "placement": PLACEMENT,
    "an account that exists, no test": {
        "serviceAccount": {"create": False},
        "tests": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
    },
}
