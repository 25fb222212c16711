"""The serial link's end on the board: requests in, answers out, in the same order. `docs/uart.md` has the protocol."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from fewbit.host.protocol import COUNTERS, IDENTITY, LONGEST, MAGIC, REPORT, VERSION, Kind, Problem

from .cobs import CobsEncoder
from .packets import PacketReceiver, PacketSender, PacketStore

__all__ = ["Link", "LinkPlan"]

STORE = 4096  # bytes of frames that can wait, at least; two frames if that is more
MOST_WAITING = 32

_REQUEST = StructLayout({"kind": 8, "sequence": 16, "problem": 8})


class LinkPlan:
    """The numbers of a `Link`.

    Parameters
    ----------
    beats_in, bytes_in, beats_out, bytes_out : int
        Beats of a frame and of a result, and bytes of each beat.
    model : bytes
        The 8 bytes by which a host knows the build.

    Attributes
    ----------
    frame, result : int
        Bytes of a frame and of a result.
    window : int
        Requests that are held at most.
    identity : bytes
        Payload of the answer to ``IDENTIFY``.

    Raises
    ------
    ValueError
        If a frame or a result does not fit a packet, or the model's name is not 8 bytes.
    """

    def __init__(self, *, beats_in: int, bytes_in: int, beats_out: int, bytes_out: int, model: bytes):
        self.frame, self.result = beats_in * bytes_in, beats_out * bytes_out
        for what, size in ("frame", self.frame), ("result", self.result):
            if size not in range(1, LONGEST + 1):
                raise ValueError(f"A {what} over the serial link must have 1 to {LONGEST} bytes, not {size}")
        if len(model) != 8:
            raise ValueError(f"Model must be told by 8 bytes, not {len(model)}")
        self.bytes_in, self.bytes_out = bytes_in, bytes_out
        self.window = min(MOST_WAITING, max(2, STORE // self.frame))
        self.identity = IDENTITY.pack(MAGIC, VERSION, self.window, model, beats_in, bytes_in, beats_out, bytes_out)


class Link(wiring.Component):
    """The link's end: packets with frames come in, packets with results go out.

    A frame goes on only if its packet was good, so the accelerator never sees part of one. Every piece of the line that
    was no packet is counted, and reported by an error packet with the count; pieces that come meanwhile share the next
    report. Answers leave in the order of their requests.

    Parameters
    ----------
    plan : LinkPlan

    Members
    -------
    i : ``In(stream.Signature(8, always_ready=True))``, o : ``Out(stream.Signature(8))``
        Bytes of the line.
    broken : ``In(1)``
        The line dropped a byte.
    frames : ``Out(stream.Signature(8))``, results : ``In(stream.Signature(8))``
        Bytes of whole frames, of whole results.
    answered, reported : ``Out(1)``
        High for one cycle with the end of a result, and with a damaged piece.
    """

    def __init__(self, plan: LinkPlan):
        self.plan = plan
        super().__init__({
            "i": In(stream.Signature(8, always_ready=True)), "o": Out(stream.Signature(8)), "broken": In(1),
            "frames": Out(stream.Signature(8)), "results": In(stream.Signature(8)),
            "answered": Out(1), "reported": Out(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        m.submodules.receiver = receiver = PacketReceiver()
        wiring.connect(m, wiring.flipped(self.i), receiver.i)
        m.submodules.store = store = PacketStore(length=p.frame, slots=p.window)
        wiring.connect(m, store.o, wiring.flipped(self.frames))
        m.submodules.requests = requests = SyncFIFOBuffered(width=_REQUEST.size, depth=p.window + 8)

        request, known = _REQUEST(requests.w_data), Signal()
        problem = self._problem(m, receiver.header, store.room)
        m.d.comb += [
            request.kind.eq(receiver.header.kind), request.sequence.eq(receiver.header.sequence),
            request.problem.eq(problem), requests.w_en.eq(receiver.good), known.eq(receiver.good & requests.w_rdy),
            store.data.eq(receiver.data), store.write.eq(receiver.valid),
            store.keep.eq(known & (receiver.header.kind == Kind.INFER) & (problem == 0)),
            store.forget.eq((receiver.good | receiver.damaged) & ~store.keep),
            self.reported.eq(receiver.damaged | (receiver.good & ~requests.w_rdy)),
        ]  # fmt: skip
        counts = [Signal(32, name=name) for name in ("packets", "damaged", "results_sent", "broken_bytes")]
        for count, event in zip(counts, (known, self.reported, self.answered, self.broken), strict=True):
            m.d.sync += count.eq(count + event)
        self._answer(m, requests, counts)
        return m

    def _problem(self, m, header, room):
        """Return what is wrong with a good packet: a `Problem`, or 0."""
        problem = Signal(8)
        lengths = {Kind.IDENTIFY: 0, Kind.COUNTERS: 0, Kind.INFER: self.plan.frame}
        with m.Switch(header.kind):
            for kind, length in lengths.items():
                with m.Case(kind):
                    with m.If(header.length != length):
                        m.d.comb += problem.eq(Problem.LENGTH)
                    if kind is Kind.INFER:
                        with m.Elif(~room):
                            m.d.comb += problem.eq(Problem.OVERRUN)
            with m.Default():
                m.d.comb += problem.eq(Problem.KIND)
        return problem

    def _answer(self, m, requests, counts):
        """Send reports of damage, and the answers; a report between two answers at most, so that neither waits for
        long.
        """
        p, request = self.plan, _REQUEST(requests.r_data)
        m.submodules.sender = sender = PacketSender()
        m.submodules.cobs = cobs = CobsEncoder()
        wiring.connect(m, sender.o, cobs.i)
        wiring.connect(m, cobs.o, wiring.flipped(self.o))

        text = Signal(8 * max(IDENTITY.size, COUNTERS.size, REPORT.size))
        report_due, report_last, of_result, of_request = Signal(), Signal(), Signal(), Signal()
        header = Signal.like(sender.header.p)
        m.d.comb += sender.header.p.eq(header)
        with m.If(self.reported):
            m.d.sync += report_due.eq(1)

        def say(kind, sequence, length, content=0):
            m.d.sync += [header.kind.eq(kind), header.sequence.eq(sequence), header.length.eq(length), text.eq(content)]
            m.next = "SEND"

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [of_result.eq(0), of_request.eq(1), report_last.eq(0)]
                with m.If(report_due & ~(report_last & requests.r_rdy)):
                    say(Kind.ERROR, 0, REPORT.size, Cat(Const(Problem.DAMAGED, 8), counts[1]))
                    m.d.sync += [report_due.eq(self.reported), report_last.eq(1), of_request.eq(0)]
                with m.Elif(requests.r_rdy & (request.problem != 0)):
                    say(Kind.ERROR, request.sequence, REPORT.size, Cat(request.problem, counts[1]))
                with m.Elif(requests.r_rdy & (request.kind == Kind.IDENTIFY)):
                    identity = int.from_bytes(p.identity, "little")
                    say(Kind.IDENTITY, request.sequence, IDENTITY.size, Const(identity, 8 * IDENTITY.size))
                with m.Elif(requests.r_rdy & (request.kind == Kind.COUNTERS)):
                    say(Kind.COUNTS, request.sequence, COUNTERS.size, Cat(*counts))
                with m.Elif(requests.r_rdy & self.results.valid):
                    say(Kind.RESULT, request.sequence, p.result)
                    m.d.sync += of_result.eq(1)
            with m.State("SEND"):
                m.d.comb += [
                    sender.header.valid.eq(1),
                    sender.payload.valid.eq(~of_result | self.results.valid),
                    self.results.ready.eq(of_result & sender.payload.ready), sender.payload.p.eq(text[:8]),
                ]  # fmt: skip
                with m.If(of_result):
                    m.d.comb += sender.payload.p.eq(self.results.p)
                with m.Elif(sender.payload.ready):
                    m.d.sync += text.eq(text >> 8)
                with m.If(sender.header.ready):
                    m.d.comb += [requests.r_en.eq(of_request), self.answered.eq(of_result)]
                    m.next = "IDLE"
