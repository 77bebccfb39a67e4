"""For consumers: decode, order and dedupe records. It needs neither OpenD nor protobuf."""
