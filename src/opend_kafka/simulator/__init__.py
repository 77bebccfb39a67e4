"""An OpenD stand-in that the official SDKs can connect to."""

from opend_kafka.simulator.market import Market, Trade
from opend_kafka.simulator.scenario import Scenario
from opend_kafka.simulator.server import Simulator, SimulatorSettings, serve

__all__ = ["Market", "Scenario", "Simulator", "SimulatorSettings", "Trade", "serve"]
