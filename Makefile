# The same commands here and in CI. Each does its own set-up; the first one takes a minute.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PIP_INSTALL := bin/python -m pip --disable-pip-version-check --quiet install
# In two processes; tests/conftest.py says which tests stay together. A process that a test hangs is
# not begun anew: it would run that test again.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
COMPILED := $(wildcard src/opend_kafka/*.p[yx][xd] src/opend_kafka/*/*.p[yx][xd])
EXAMPLES := .venv-examples
MADE_EXAMPLES := examples/javascript/node_modules/.made examples/java/target/.made examples/spark/target/.made
PROTO := $(wildcard proto/opend_kafka/opend/pb/*.proto)

.PHONY: help install demo test check format proto bench bench-check chaos examples image chart lock clean

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: $(VENV)/.run  ## .venv with the command opend-kafka in it

demo: $(VENV)/.run  ## the whole job in one process, live (ARGS="--seconds 30 --rate 5000")
	$(BIN)/opend-kafka demo $(ARGS)

test: $(VENV)/.dev  ## all tests (ARGS="-k frames" for some of them, ARGS="-n 0" for one process)
	$(PYTEST) $(ARGS)

check: $(VENV)/.dev  ## format, lint, types, import rules, generated code, tests: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) --cov --cov-report=term:skip-covered $(ARGS)

format: $(VENV)/.dev  ## mend what can be mended by a tool
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

proto: $(VENV)/.dev  ## generate the protobuf modules from proto/
	$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=src --pyi_out=src $(PROTO)

bench: $(VENV)/.dev  ## measure, 12 minutes; docs/performance.md (ARGS="--quick --json FILE", ARGS="--help")
	BENCH_ARGS='$(ARGS)' $(BIN)/python -m benchmarks --write docs $(ARGS)

bench-check: $(VENV)/.dev  ## fail where our ratio to a bare produce loop has fallen by a quarter
	$(BIN)/python -m benchmarks.check $(ARGS)

chaos: $(VENV)/.dev  ## the fault suite on real Kafka, 15 minutes; docs/reliability.md (ARGS="worker-killed --seed 7")
	$(BIN)/python -m tests.chaos --write docs/reliability.md $(ARGS)

image: $(VENV)/.dev  ## build the image and run it, as the chart confines it, where a container engine can be had
	$(BIN)/pytest -n 0 -m image tests/image $(ARGS)

chart: $(VENV)/.dev  ## what the Helm chart has from elsewhere: alerts, dashboard, the configuration's schema
	$(BIN)/python -m tests.helm.generate

examples: $(VENV)/.dev $(EXAMPLES)/.installed $(MADE_EXAMPLES)  ## the examples in Java, JavaScript and Spark: install them, run and judge them
	$(BIN)/pytest -m languages tests/examples $(ARGS)

lock: $(VENV)/.dev  ## resolve requirements/*.txt anew
	printf 'cython>=3.1\nsetuptools>=80\n' | $(LOCK) - -o requirements/build.txt
	$(LOCK) pyproject.toml -o requirements/run.txt
	$(LOCK) pyproject.toml --extra dev -c requirements/run.txt -o requirements/dev.txt
	$(LOCK) requirements/examples.in -c requirements/dev.txt -o requirements/examples.txt

clean:  ## remove what was made
	rm -rf $(VENV) $(EXAMPLES) examples/*/target examples/*/node_modules build dist src/*.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/.created:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.created requirements/build.txt requirements/run.txt pyproject.toml $(COMPILED)
	$(PIP) install --require-hashes -r requirements/build.txt -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(EXAMPLES)/.installed: requirements/build.txt requirements/examples.txt \
		distributions/consumer/setup.py $(wildcard src/opend_kafka/consuming/*.py)
	$(PYTHON) -m venv $(EXAMPLES)
	$(EXAMPLES)/$(PIP_INSTALL) --require-hashes -r requirements/build.txt
	$(EXAMPLES)/$(PIP_INSTALL) --require-hashes --no-build-isolation --use-pep517 -r requirements/examples.txt
	$(EXAMPLES)/$(PIP_INSTALL) --no-deps --no-build-isolation --force-reinstall ./distributions/consumer
	@touch $@

# Where the Kafka client's prebuilt library cannot be had it is built, in minutes, with the system's libraries.
examples/javascript/node_modules/.made: examples/javascript/package-lock.json
	cd examples/javascript && CKJS_LINKING=dynamic npm ci
	@touch $@

examples/%/target/.made: examples/%/pom.xml $(wildcard examples/java/src/main/java/*.java)
	mvn --batch-mode --quiet -f $< package
	@touch $@
