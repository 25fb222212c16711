# amaranth: UnusedElaboratable=no
"""AXI4-Lite and the registers behind it: every order of the channels, strobes, and answers that wait."""

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.sim import Simulator

from fewbit.hw.shell.axi_lite import OKAY, SLVERR, AxiLiteSlave
from fewbit.hw.shell.register_file import RegisterFile
from fewbit.hw.shell.registers import Access, register_map
from tests.support.stream_bench import simulate

REGISTERS = register_map(
    model="0123456789abcdef" * 4, build="fedcba98" * 8, beats_in={"s_axis": 49}, beats_out=3, stages=["a", "b"]
)


class Master:
    """Drives the bus: each channel begins by itself, after so many cycles, and an answer is taken after so many."""

    def __init__(self, ctx, bus):
        self.ctx, self.bus = ctx, bus

    async def write(self, address, data, strobe=15, *, delays=(0, 0, 0)):
        """The response, and the cycle of the clock in which it came, from the first."""
        bus, ctx = self.bus, self.ctx
        sent, cycle = {"aw": False, "w": False}, 0
        while True:
            for name, delay in zip(sent, delays, strict=False):
                ctx.set(getattr(bus, name + "valid"), cycle >= delay and not sent[name])
            offered = {name: cycle >= delay and not sent[name] for name, delay in zip(sent, delays, strict=False)}
            ctx.set(bus.awaddr, address if offered["aw"] else ~address)
            ctx.set(bus.wdata, data if offered["w"] else ~data)
            ctx.set(bus.wstrb, strobe if offered["w"] else ~strobe)
            ctx.set(bus.bready, cycle >= max(delays[:2]) + delays[2])
            _, _, aw, w, valid, response = await ctx.tick().sample(bus.awready, bus.wready, bus.bvalid, bus.bresp)
            assert not valid or all(sent.values()), "an answer before the write"
            sent = {"aw": sent["aw"] or (offered["aw"] and aw), "w": sent["w"] or (offered["w"] and w)}
            if valid and cycle >= max(delays[:2]) + delays[2]:
                ctx.set(bus.bready, 0)
                return response, cycle
            cycle += 1
            assert cycle < 60, "no answer"

    async def read(self, address, *, delay=0):
        """Data, response, cycle."""
        bus, ctx = self.bus, self.ctx
        sent, cycle, before = False, 0, None
        while True:
            ctx.set(bus.arvalid, not sent)
            ctx.set(bus.araddr, ~address if sent else address)
            ctx.set(bus.rready, cycle >= delay)
            _, _, ready, valid, data, response = await ctx.tick().sample(bus.arready, bus.rvalid, bus.rdata, bus.rresp)
            assert before is None or (valid and (data, response) == before), "the answer did not stay"
            before = (data, response) if valid else None
            sent = sent or ready
            if valid and cycle >= delay:
                ctx.set(bus.rready, 0)
                return data, response, cycle
            cycle += 1
            assert cycle < 60, "no answer"


def drive(work, **inputs):
    """Run ``work(master, file, ctx)`` on a register file with some of its members set."""
    file = RegisterFile(REGISTERS)

    async def testbench(ctx):
        for name, value in inputs.items():
            ctx.set(getattr(file, name), value)
        await work(Master(ctx, file.bus), file, ctx)

    simulate(file, testbench)


@pytest.mark.parametrize("delays", [(0, 0, 0), (0, 5, 0), (5, 0, 0), (3, 4, 7), (4, 3, 1), (0, 0, 9)])
def test_orders_of_a_write(delays):
    async def work(master, file, ctx):
        offset = REGISTERS["SCRATCH"].offset
        rng = np.random.default_rng(sum(delays))
        want = 0
        for _ in range(12):
            data, strobe = int(rng.integers(1 << 32)), int(rng.integers(16))
            response, cycle = await master.write(offset, data, strobe, delays=delays)
            mask = sum(0xFF << 8 * k for k in range(4) if strobe >> k & 1)
            want = want & ~mask | data & mask
            assert response == OKAY and cycle == max(delays[:2]) + max(2, delays[2])
            assert ctx.get(file.scratch) == want and (await master.read(offset))[:2] == (want, OKAY)

    drive(work)


def test_what_every_address_answers():
    """The whole range, aligned and not, after which nothing but what can be written has changed."""

    async def work(master, file, ctx):
        offsets = {offset: (r, k) for r in REGISTERS.registers for k, (_, offset) in enumerate(r.words)}
        assert len(offsets) == sum(r.count for r in REGISTERS.registers)
        for address in (*range(0, 0xC0, 4), *range(0x7F0, 0x830, 4), 0xFFC):
            data, response, cycle = await master.read(address + address // 4 % 4, delay=address // 4 % 5)
            assert cycle == max(3, address // 4 % 5)
            response_of_write, _ = await master.write(address, 0, delays=(address // 4 % 3, address // 4 % 2, 0))
            if address not in offsets:
                assert (data, response, response_of_write) == (0, SLVERR, SLVERR), hex(address)
                continue
            r, k = offsets[address]
            assert response == OKAY and response_of_write == (SLVERR if r.access == Access.RO else OKAY), r
            if r.value:
                assert data == r.value[k]
            elif r.is_event:
                assert data == 0xE0E0E0E0
            elif r.access == Access.RO:
                assert data == (1 << min(r.bits, 31)) - 1 - 2 * (r.bits > 4)
            else:
                assert data == (5 if r.access == Access.W1S else 0)

    given = {r.name.lower(): (1 << min(r.bits, 31)) - 1 - 2 * (r.bits > 4) for r in REGISTERS.registers
             if r.access == Access.RO and not r.value and not r.is_event}  # fmt: skip
    drive(work, event_count=0xE0E0E0E0, control_reads=5, **given)


def test_identification():
    assert REGISTERS["MAGIC"].value[0].to_bytes(4, "big") == b"FEWB"
    assert REGISTERS["MODEL"].value == (0x01234567, 0x89ABCDEF, 0x01234567, 0x89ABCDEF)
    assert REGISTERS["BUILD"].value == (0xFEDCBA98, 0xFEDCBA98) and REGISTERS["BEATS_IN"].value == (49,)


def test_write_one_to_clear_and_to_start():
    async def work(master, file, ctx):
        status, control = (REGISTERS[name].offset for name in ("INTERRUPT_STATUS", "CONTROL"))
        ctx.set(file.interrupt_status_set, 3)
        await ctx.tick()
        ctx.set(file.interrupt_status_set, 0)
        assert (await master.read(status))[0] == 3
        await master.write(status, 0xFFFF_FFFF, 0b1110)  # not its byte
        assert (await master.read(status))[0] == 3
        await master.write(status, 2)
        assert (await master.read(status))[0] == 1
        ctx.set(file.interrupt_status_set, 2)  # set and cleared at once: it stays
        await master.write(status, 3)
        ctx.set(file.interrupt_status_set, 0)
        assert (await master.read(status))[0] == 2
        for data, strobe, want in ((0b1011, 15, 0b1011), (0b101, 1, 0b101), (15, 0b1110, 0), (0, 15, 0)):
            seen.clear()
            await master.write(control, data, strobe)
            await ctx.tick().repeat(3)
            assert [s for s in seen if s] == ([want] if want else [])

    seen = []
    file = RegisterFile(REGISTERS)

    async def testbench(ctx):
        await work(Master(ctx, file.bus), file, ctx)

    async def watch(ctx):
        async for _, _, control in ctx.tick().sample(file.control):
            seen.append(control)

    sim = Simulator(file)
    sim.add_clock(1e-6)
    sim.add_testbench(testbench)
    sim.add_testbench(watch, background=True)
    sim.run()


def test_reads_and_writes_do_not_wait_for_each_other():
    """Random traffic on both sides at once, against a dictionary."""
    dut = AxiLiteSlave(address_bits=6)
    m = Module()
    m.domains.sync = ClockDomain()
    m.submodules.dut = dut
    cells = [Signal(32, name=f"cell{k}") for k in range(16)]
    for k, cell in enumerate(cells):
        with m.If(dut.write & (dut.write_address == k)):
            m.d.sync += cell.eq(dut.write_data)
        with m.If(dut.read_address == k):
            m.d.sync += dut.read_data.eq(cell + (k << 28))
    written, done = [0] * 16, []

    async def writer(ctx):
        rng = np.random.default_rng(1)
        for _ in range(120):
            k, data = int(rng.integers(8)), int(rng.integers(1 << 20))
            await Master(ctx, dut).write(4 * k, data, delays=tuple(int(d) for d in rng.integers(0, 4, 3)))
            written[k] = data
        done.append("writer")

    async def reader(ctx):
        rng = np.random.default_rng(2)
        for _ in range(120):
            k = int(rng.integers(16))
            could = {written[k]} if k >= 8 else None
            data, response, _ = await Master(ctx, dut).read(4 * k, delay=int(rng.integers(6)))
            assert data >> 28 == k and response == OKAY
            assert could is None or data & 0xFFFFFFF in could
        done.append("reader")

    async def at_last(ctx):
        await ctx.tick().repeat(3000)
        assert sorted(done) == ["reader", "writer"]
        for k in range(8):
            assert (await Master(ctx, dut).read(4 * k))[0] == written[k] + (k << 28) and written[k]

    sim = Simulator(m)
    sim.add_clock(1e-6)
    for work in (writer, reader, at_last):
        sim.add_testbench(work)
    sim.run()


def test_refused():
    with pytest.raises(ValueError, match="Address bits must be at least 3, not 2"):
        AxiLiteSlave(address_bits=2)
    common = dict(model="0" * 64, build="0" * 64, beats_in={"s_axis": 1}, beats_out=1, stages=[])
    with pytest.raises(ValueError, match="Model must be a SHA-256 as 64 hex digits, not 'abc'"):
        register_map(**common | {"model": "abc"})
    with pytest.raises(ValueError, match="Stages must be 500 at most, not 501"):
        register_map(**common | {"stages": ["s"] * 501})


LOADING = register_map(
    model="0123456789abcdef" * 4, build="fedcba98" * 8, beats_in={"s_axis": 49}, beats_out=3, stages=["a", "b"],
    loading=(1234, "0011223344556677" * 4),
)  # fmt: skip


def test_registers_by_which_weights_are_loaded():
    """They are there only where weights are loadable; what is only written is told in the cycle after, and reads 0."""
    added = [r.name for r in LOADING.registers if r.name not in {s.name for s in REGISTERS.registers}]
    assert added == ["LOAD_WORDS", "LOAD_STRUCTURE", "LOAD_CONTROL", "LOAD_STATUS", "LOAD_DATA", "LOAD_CHECK",
                     "LOAD_TAKEN", "LOAD_CHECKSUM", "LOADED"]  # fmt: skip
    assert [r for r in LOADING.registers if r.name not in added] == list(REGISTERS.registers)
    assert LOADING["LOAD_WORDS"].value == (1234,) and LOADING["LOAD_STRUCTURE"].value == (0x00112233, 0x44556677)
    file, seen = RegisterFile(LOADING), []

    async def watch(ctx):
        async for _, _, data, told, check, checked in ctx.tick().sample(
            file.load_data, file.load_data_written, file.load_check, file.load_check_written
        ):
            seen.extend([("data", data)] * told + [("check", check)] * checked)

    async def work(ctx):
        master, rng = Master(ctx, file.bus), np.random.default_rng(1)
        offsets = {name: LOADING[name].offset for name in ("LOAD_DATA", "LOAD_CHECK")}
        want = []
        for _ in range(30):
            name, value = str(rng.choice(list(offsets))), int(rng.integers(1 << 32))
            delays = tuple(int(n) for n in rng.integers(3, size=3))
            assert (await master.write(offsets[name], value, delays=delays))[0] == OKAY
            want.append(("data" if name == "LOAD_DATA" else "check", value))
            assert (await master.read(offsets[name]))[:2] == (0, OKAY)
        assert seen == want

    simulator = Simulator(file)
    simulator.add_clock(1e-6)
    simulator.add_testbench(work)
    simulator.add_testbench(watch, background=True)
    simulator.run()
