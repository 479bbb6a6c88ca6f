# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reflector does with what comes in: nothing without a proof, and never more bytes out than in. No I/O in here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

from . import bodies, frames, marker, reflector_sip
from .bodies import UDP, Address, Data, Echoed, Fetch, Opened, Poke, Poked, Span
from .frames import Frame, Keys
from .reflector_limits import Limits, Packet, Rates, Reply
from .reflector_proofs import Proofs
from .reflector_store import Bounds, Record, Session, Sessions

LONGEST_MESSAGE = 8192
LOWEST_TARGET_PORT = 1024
# A packet to another port than the ticket's is there to be seen, not to carry anything.
OTHER_PORT_BYTES = 200
DEFAULT_RTP = (10000, 20000)
# Each is there from the start: a counter that is missing and one that is zero are not the same to who watches them.
COUNTERS = (
    "received",
    "received_bytes",
    "sent",
    "sent_bytes",
    "unproven",
    "limited",
    "malformed",
    "too_long",
    "bad_cookie",
    "no_session_left",
    "messages",
    "elsewhere",
    "kept",
    "not_kept",
    *(frames.NAMES[kind].lower() for kind in frames.REQUESTS),
)


@dataclass(frozen=True)
class Arrival:
    """What came in: bytes, from where, at which of our addresses; ``whole`` is False for the rest of a broken stream."""

    data: bytes
    transport: int
    source: Address
    local: Address
    whole: bool = True


@dataclass(frozen=True)
class Offer:
    """What the reflector offers: its keys, the newest first, its addresses, and the ports on them."""

    secrets: tuple[str, ...]
    addresses: tuple[str, ...]
    spans: tuple[Span, ...]

    @property
    def rtp(self) -> tuple[int, int]:
        return next(((span.first, span.last) for span in self.spans if span.use == bodies.RTP), DEFAULT_RTP)


class Answers:
    """The reflector without its sockets. Times are seconds of a clock that only goes forward."""

    def __init__(
        self,
        offer: Offer,
        origins: Container[Address],
        now: float,
        bounds: Bounds | None = None,
        rates: Rates | None = None,
    ) -> None:
        """``origins`` are the addresses of our UDP sockets. Raises ValueError for a key that is too short."""
        self.offer, self.origins = offer, origins
        self.limits = Limits(rates or Rates(), now)
        self.sessions = Sessions(bounds or Bounds(), offer.rtp)
        self.proofs = Proofs()
        self.counters: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
        self._keys: Sequence[tuple[str, Keys]] = [(secret, frames.keys_of(secret)) for secret in offer.secrets]

    def handle(self, arrival: Arrival, now: float) -> Reply:
        """What is to be sent now. Together never longer than what came in, and nothing without a proof in it."""
        self.counters["received"] += 1
        self.counters["received_bytes"] += len(arrival.data)
        reply = Reply(len(arrival.data))
        if arrival.data.startswith(frames.MAGIC):
            self._frame(arrival, reply, now)
        else:
            self._message(arrival, reply, now)
        self.counters["too_long"] += reply.refused
        self.counters["sent"] += len(reply.packets)
        self.counters["sent_bytes"] += sum(len(packet.data) for packet in reply.packets)
        return reply

    def _frame(self, arrival: Arrival, reply: Reply, now: float) -> None:
        found = self._opened_frame(arrival, now)
        if found is None:
            self.counters["unproven"] += 1
            return
        frame, keys, session, secret = found
        reply.proven = True
        if not self.limits.allow(arrival.source.ip, frame.size, session is None, now):
            self.counters["limited"] += 1
            return
        self.counters[frames.NAMES[frame.type].lower()] += 1
        answer = _Answer(arrival, reply, frame, keys, now)
        try:
            if session is None:
                self._handshake(answer, secret)
            else:
                session.seen = now
                self._request(answer, session)
        except ValueError:
            self.counters["malformed"] += 1

    def _opened_frame(self, arrival: Arrival, now: float) -> tuple[Frame, Keys, Session | None, str] | None:
        """The authentic request, its keys, its session if it has one, and the secret that it was made with."""
        head = frames.head_of(arrival.data)
        if head is None or head.type not in frames.REQUESTS or head.size != len(arrival.data):
            return None
        if head.session == frames.NO_SESSION:
            if head.type not in (frames.HELLO, frames.OPEN):
                return None
            for secret, keys in self._keys:
                frame = frames.unseal(keys, arrival.data)
                if frame is not None:
                    return frame, keys, None, secret
            return None
        session = self.sessions.get(head.session, now)
        if session is None or session.ip != arrival.source.ip or head.type in (frames.HELLO, frames.OPEN):
            return None
        frame = frames.unseal(session.keys, arrival.data)
        return None if frame is None else (frame, session.keys, session, "")

    def _handshake(self, answer: _Answer, secret: str) -> None:
        arrival, frame, now = answer.arrival, answer.frame, answer.now
        if frame.type == frames.HELLO:
            answer.add(frames.COOKIE, self.proofs.cookie(arrival.source, now))
            return
        if not self.proofs.is_cookie(frame.body, arrival.source, now):
            self.counters["bad_cookie"] += 1
            return
        session = self.sessions.open(secret, arrival.source, frame.nonce, now)
        if session is None:
            self.counters["no_session_left"] += 1
            return
        bounds = self.sessions.bounds
        limits = (bounds.session_seconds, bounds.message_seconds, bounds.messages, self.limits.rates.source)
        offered = (self.offer.addresses, self.offer.spans)
        answer.add(frames.OPENED, Opened(session.id, arrival.source, arrival.local, *limits, *offered).pack())

    def _request(self, answer: _Answer, session: Session) -> None:
        arrival, frame = answer.arrival, answer.frame
        if frame.type == frames.ECHO:
            ticket = bodies.NO_TICKET
            if arrival.transport == UDP:
                ticket = self.proofs.ticket(arrival.source, session.id, session.ends)
            answer.add(frames.ECHOED, Echoed(arrival.source, arrival.local, ticket).pack(), frame.size)
        elif frame.type == frames.FETCH:
            self._fetch(answer, session, Fetch.read(frame.body))
        else:
            self._poke(answer, session, Poke.read(frame.body))

    def _fetch(self, answer: _Answer, session: Session, fetch: Fetch) -> None:
        if fetch.direction not in (bodies.RECEIVED, bodies.SENT):
            raise ValueError("no such direction")
        message = session.messages.get(fetch.id)
        copies = message.copies[fetch.direction] if message is not None else []
        if fetch.index >= len(copies):
            nothing = Data(len(copies), 0, False, bytes(32), bodies.NOWHERE, bodies.NOWHERE, 0, 0, 0, b"")
            answer.add(frames.DATA, nothing.pack())
            return
        record = copies[fetch.index]
        room = max(0, answer.reply.room - bodies.DATA_BYTES)
        start = fetch.offset
        chunk = record.packed[start:][:room]
        ends = (record.source, record.destination)
        sizes = (record.size, len(record.packed), start)
        data = Data(len(copies), record.transport, record.whole, record.sha256, *ends, *sizes, chunk)
        answer.add(frames.DATA, data.pack())

    def _poke(self, answer: _Answer, session: Session, poke: Poke) -> None:
        status, size = self._poked(answer, session, poke)
        answer.add(frames.POKED, Poked(status, size).pack())

    def _poked(self, answer: _Answer, session: Session, poke: Poke) -> tuple[int, int]:
        """Send the packet of a POKE if it may be sent: status and bytes. Room is left for the answer."""
        target = self.proofs.of_ticket(poke.ticket, session.id, answer.now)
        if target is None or target.ip != answer.arrival.source.ip:
            return bodies.BAD_TICKET, 0
        if poke.origin not in self.origins or (":" in poke.origin.ip) != (":" in target.ip):
            return bodies.NO_ORIGIN, 0
        if poke.kind == bodies.INVITE:
            allowed = poke.target_port == 0 and poke.id[:8] == session.id
        else:
            small = max(poke.size, frames.OVERHEAD) <= OTHER_PORT_BYTES
            elsewhere = poke.target_port >= LOWEST_TARGET_PORT and small
            allowed = poke.kind == bodies.PLAIN and (poke.target_port == 0 or elsewhere)
        if not allowed:
            return bodies.NOT_ALLOWED, 0
        target = Address(target.ip, poke.target_port or target.port)
        if poke.kind == bodies.INVITE:
            message = self.sessions.message(session, poke.id, answer.now)
            data = reflector_sip.invite(session.keys, poke.id, poke.origin, target, message.rtp)
        else:
            data = frames.seal(session.keys, frames.PING, answer.frame.nonce, b"", session.id, poke.size)
        if len(data) + bodies.POKED_BYTES > answer.reply.room:
            return bodies.TOO_LONG, len(data)
        answer.reply.add(Packet(data, UDP, poke.origin, target))
        if poke.kind == bodies.INVITE:
            self._keep(session, poke.id, bodies.SENT, Record.of(data, UDP, poke.origin, target), answer.now)
        return bodies.DONE, len(data)

    def _message(self, arrival: Arrival, reply: Reply, now: float) -> None:
        found = self._marked(arrival, now)
        if found is None:
            self.counters["unproven"] += 1
            return
        mark, maker, session = found
        reply.proven = session.ip == arrival.source.ip
        if not self.limits.allow(arrival.source.ip, len(arrival.data), False, now):
            self.counters["limited"] += 1
            return
        self.counters["messages"] += 1
        ends = (arrival.source, arrival.local)
        record = Record.of(arrival.data, arrival.transport, *ends, arrival.whole)
        self._keep(session, mark.id, bodies.RECEIVED, record, now)
        if session.ip != arrival.source.ip:
            # Somebody on the way has sent it from elsewhere: worth keeping, but nobody is sent anything there.
            self.counters["elsewhere"] += 1
            return
        session.seen = now
        request = reflector_sip.parse(arrival.data) if maker == marker.CLIENT and arrival.whole else None
        if request is not None:
            self._answer(request, mark, session, arrival, reply, now)

    def _marked(self, arrival: Arrival, now: float) -> tuple[marker.Mark, bytes, Session] | None:
        """The first authentic marker of an open session; an answer to our INVITE carries our own."""
        if len(arrival.data) > LONGEST_MESSAGE:
            return None
        for mark in marker.marks_in(arrival.data):
            session = self.sessions.get(mark.session, now)
            for maker in (marker.CLIENT, marker.REFLECTOR) if session is not None else ():
                if session is not None and marker.authentic(session.keys, maker, mark):
                    return mark, maker, session
        return None

    def _answer(
        self,
        request: reflector_sip.Request,
        mark: marker.Mark,
        session: Session,
        arrival: Arrival,
        reply: Reply,
        now: float,
    ) -> None:
        message = self.sessions.message(session, mark.id, now)
        place = reflector_sip.Place(arrival.source, arrival.local, arrival.transport, message.rtp)
        choices = reflector_sip.answers(request, mark, session.keys, place)
        for texts in choices:
            if sum(map(len, texts)) <= reply.room:
                for text in texts:
                    reply.add(Packet(text, arrival.transport, arrival.local, arrival.source))
                    sent = Record.of(text, arrival.transport, arrival.local, arrival.source)
                    self._keep(session, mark.id, bodies.SENT, sent, now)
                return
        self.counters["too_long"] += bool(choices)

    def _keep(self, session: Session, message_id: bytes, direction: int, record: Record, now: float) -> None:
        message = self.sessions.message(session, message_id, now)
        kept = self.sessions.keep(session, message, direction, record)
        self.counters["kept" if kept else "not_kept"] += 1


@dataclass(frozen=True)
class _Answer:
    """One authentic request and what it causes."""

    arrival: Arrival
    reply: Reply
    frame: Frame
    keys: Keys
    now: float

    def add(self, kind: int, body: bytes, size: int = 0) -> None:
        arrival = self.arrival
        data = frames.seal(self.keys, kind, self.frame.nonce, body, self.frame.session, size)
        self.reply.add(Packet(data, arrival.transport, arrival.local, arrival.source))
