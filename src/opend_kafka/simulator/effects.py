"""What each kind of fault does to a simulated OpenD: a table, kind → effect.

An effect begins at once. One that lasts gives what ends it; its fault has a `duration_s`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any, Protocol

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.pb import Common_pb2, Notify_pb2
from opend_kafka.simulator import damage, faults, notices
from opend_kafka.simulator.agenda import Agenda
from opend_kafka.simulator.conditions import RIGHTS, Conditions
from opend_kafka.simulator.connection import Connection
from opend_kafka.simulator.faults import Fault
from opend_kafka.simulator.lines import (
    CuttingLine,
    DeadLine,
    DelayingLine,
    Line,
    MergingLine,
    SplittingLine,
)
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pushes import Push, notify_push
from opend_kafka.simulator.sieve import Sieve
from opend_kafka.simulator.subscriptions import Subscriptions

End = Callable[[], None]


class Premises(Protocol):
    """What OpenD's process has beside its clients."""

    def shut(self) -> None:
        """Listen no more, and drop every client."""

    def reopen(self) -> None:
        """Listen again."""

    def send(self, push: Push) -> None:
        """Send a push to those who take it."""


class Effects:
    """Faults at work on one OpenD."""

    def __init__(
        self,
        premises: Premises,
        clients: Mapping[int, Connection],
        market: Market,
        subscriptions: Subscriptions,
        conditions: Conditions,
        sieve: Sieve,
        agenda: Agenda,
    ) -> None:
        self.premises = premises
        self.market = market
        self.subscriptions = subscriptions
        self.conditions = conditions
        self.sieve = sieve
        self.agenda = agenda
        self.random = Random(f"{market.seed}/faults")
        self.usual_quota = subscriptions.quota
        self.restarts = 0
        self._clients = clients

    def apply(self, fault: Fault) -> Fault:
        """Begin a fault now, and enter its end; give it with what was drawn for it."""
        fault = faults.resolved(fault, self.market.securities, self.random)
        end = _EFFECTS[type(fault)](self, fault)
        if end is not None:
            self.after(getattr(fault, "duration_s"), end)  # noqa: B009 - not every fault lasts
        return fault

    def after(self, seconds: float, action: End) -> None:
        """Enter what is to happen later."""
        self.agenda.at(self.market.now_us + _us(seconds), action)

    def clients(self, which: faults.Clients) -> tuple[Connection, ...]:
        """Give the clients that a fault is for."""
        everyone = tuple(self._clients.values())
        return {"all": everyone, "oldest": everyone[:1], "newest": everyone[-1:]}[which]

    def notify(self, s2c: Notify_pb2.S2C) -> None:
        """Send a Notify to those who asked for it."""
        takers = tuple(
            conn_id for conn_id, client in self._clients.items() if client.visitor.notified
        )
        self.premises.send(notify_push(takers, s2c))

    def lay(self, which: faults.Clients, make: Callable[[Connection], Line]) -> End:
        """Put lines in front of clients; the end takes them away."""
        lines = [(client, make(client)) for client in self.clients(which)]
        for client, line in lines:
            client.lay(line)

        def end() -> None:
            for client, line in lines:
                client.lift(line)

        return end


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)


def _split(opend: Effects, fault: faults.Split) -> End:
    return opend.lay(fault.clients, lambda client: SplittingLine(client, opend.random))


def _merge(opend: Effects, fault: faults.Merge) -> End:
    return opend.lay(fault.clients, lambda client: MergingLine(client, fault.frames))


def _delay(opend: Effects, fault: faults.Delay) -> End:
    by_us = _us(fault.by_s)
    return opend.lay(
        fault.clients, lambda client: DelayingLine(client, opend.agenda, opend.market, by_us)
    )


def _cut(opend: Effects, fault: faults.Cut) -> None:
    opend.lay(fault.clients, lambda client: CuttingLine(client, opend.random))


def _reset(opend: Effects, fault: faults.Reset) -> None:
    for client in opend.clients(fault.clients):
        client.reset()


def _half_open(opend: Effects, fault: faults.HalfOpen) -> End:
    victims = opend.clients(fault.clients)
    opend.lay(fault.clients, DeadLine)
    for client in victims:
        client.stop_reading()

    def end() -> None:
        for client in victims:
            client.reset()

    return end


def _refuse_login(opend: Effects, fault: faults.RefuseLogin) -> None:
    opend.conditions.refused_logins += fault.count


def _refuse_code(opend: Effects, fault: faults.RefuseCode) -> End:
    opend.conditions.unknown[fault.security] += 1
    return lambda: opend.conditions.unknown.subtract([fault.security])


def _login_lost(opend: Effects, _fault: Fault) -> End:
    opend.conditions.logouts += 1
    opend.notify(notices.connect_status(logged_in=False))

    def end() -> None:
        opend.conditions.logouts -= 1
        if opend.conditions.logged_in:
            opend.notify(notices.connect_status(logged_in=True))

    return end


def _kicked_out(opend: Effects, fault: faults.KickedOut) -> End:
    words = "the account logged in elsewhere"
    opend.notify(notices.gateway_event(Notify_pb2.GtwEventType_KickedOut, words))
    return _login_lost(opend, fault)


def _forced_logout(opend: Effects, fault: faults.ForcedLogout) -> End:
    status = Common_pb2.ProgramStatusType_ForceLogout
    opend.notify(notices.program_status(status))
    opend.conditions.statuses.append(status)
    ends = _login_lost(opend, fault)
    for client in opend.clients("all"):
        client.close()

    def end() -> None:
        opend.conditions.statuses.remove(status)
        ends()

    return end


def _not_ready(opend: Effects, fault: faults.NotReady) -> End:
    opend.conditions.statuses.append(fault.status)
    return lambda: opend.conditions.statuses.remove(fault.status)


def _quote_right(opend: Effects, fault: faults.QuoteRight) -> End:
    right = RIGHTS[fault.right]
    opend.conditions.set_right(fault.market, right)
    opend.notify(notices.quote_rights(opend.conditions))

    def end() -> None:
        opend.conditions.unset_right(fault.market, right)
        opend.notify(notices.quote_rights(opend.conditions))

    return end


def _quota(opend: Effects, fault: faults.Quota) -> End:
    def change() -> None:
        opend.subscriptions.quota = min([opend.usual_quota, *opend.conditions.quotas])
        opend.notify(notices.api_quota(opend.subscriptions.quota))
        opend.notify(notices.used_quota(opend.subscriptions.used))

    def end() -> None:
        opend.conditions.quotas.remove(fault.quota)
        change()

    opend.conditions.quotas.append(fault.quota)
    change()
    return end


def _bad_sha1(opend: Effects, fault: faults.BadSha1) -> None:
    opend.sieve.damages.add(damage.misdigested, fault.security, fault.count)


def _bad_body(opend: Effects, fault: faults.BadBody) -> None:
    opend.sieve.damages.add(damage.garbled, fault.security, fault.count)


def _push_error(opend: Effects, fault: faults.PushError) -> None:
    opend.sieve.damages.add(damage.failed, fault.security, fault.count)


def _restart(opend: Effects, _fault: faults.Restart) -> End:
    opend.restarts += 1
    opend.premises.shut()

    def end() -> None:
        opend.restarts -= 1
        if not opend.restarts:
            opend.premises.reopen()

    return end


def _no_reply(opend: Effects, fault: faults.NoReply) -> None:
    wanted = None if fault.request == "any" else int(ProtoId[fault.request.upper()])
    opend.conditions.unanswered[wanted] += fault.count


def _burst(opend: Effects, fault: faults.Burst) -> End:
    opend.market.quicken(fault.factor)
    return partial(opend.market.slow_down, fault.factor)


def _late(opend: Effects, fault: faults.Late) -> None:
    opend.sieve.delays.add(fault.after, fault.security, fault.count)


def _duplicate(opend: Effects, fault: faults.Duplicate) -> None:
    opend.sieve.duplicates.add(True, fault.security, fault.count)


def _replay(opend: Effects, fault: faults.Replay) -> End:
    def end() -> None:
        for push in opend.sieve.end_replay(fault.limit):
            opend.premises.send(push)

    opend.sieve.begin_replay(fault.limit)
    return end


def _stall(opend: Effects, fault: faults.Stall) -> End:
    conditions, under_way = opend.conditions, True

    def end() -> None:
        nonlocal under_way
        conditions.stalled[fault.security] -= under_way
        under_way = False

    conditions.stalled[fault.security] += 1
    if fault.until_resubscribed:
        conditions.on_subscribed[fault.security].append(end)
    return end


def _market_closed(opend: Effects, fault: faults.MarketClosed) -> End:
    opend.market.close(fault.market)
    return partial(opend.market.open, fault.market)


_EFFECTS: dict[type[Fault], Callable[[Effects, Any], End | None]] = {
    faults.Split: _split,
    faults.Merge: _merge,
    faults.Delay: _delay,
    faults.Cut: _cut,
    faults.Reset: _reset,
    faults.HalfOpen: _half_open,
    faults.RefuseLogin: _refuse_login,
    faults.RefuseCode: _refuse_code,
    faults.LoginLost: _login_lost,
    faults.KickedOut: _kicked_out,
    faults.ForcedLogout: _forced_logout,
    faults.NotReady: _not_ready,
    faults.QuoteRight: _quote_right,
    faults.Quota: _quota,
    faults.BadSha1: _bad_sha1,
    faults.BadBody: _bad_body,
    faults.PushError: _push_error,
    faults.Restart: _restart,
    faults.NoReply: _no_reply,
    faults.Burst: _burst,
    faults.Late: _late,
    faults.Duplicate: _duplicate,
    faults.Replay: _replay,
    faults.Stall: _stall,
    faults.MarketClosed: _market_closed,
}
