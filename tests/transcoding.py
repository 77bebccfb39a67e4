"""The compiled engine, where it was built; its tests are skipped where it was not."""

import os
from typing import Any

import pytest

_MODULE = "opend_kafka.records.transcoder"

if os.environ.get("OPEND_KAFKA_TEST_TOOLS") != "1":
    pytest.importorskip(_MODULE, exc_type=ImportError)

from opend_kafka.records import transcoder  # noqa: E402

Transcoder: Any = transcoder.Transcoder
