"""The text of the plain bench, with names between @ where its figures stand, and what it has for every input."""

__all__ = ["BENCH", "INPUT_PARTS", "MEMORY_PARTS"]

BENCH = r"""// Self-checking bench of @TOP@.v in Verilog-2005, for any simulator; README.md has the commands.
// It reads its vectors from the folder in which the simulator runs, and ends with a line that begins with PASS or FAIL.
//
// The frames are sent twice, each time after a reset: at full rate, then with idle cycles and back-pressure at random.
// Inputs are X before the first reset, and TDATA and TLAST of a stream of frames are X wherever its TVALID is low.

`timescale 1ns / 1ps

module @TOP@_tb;
  localparam FRAMES = @FRAMES@;
  localparam BEATS_OUT = @BEATS_OUT@, BYTES_OUT = @BYTES_OUT@;
  localparam LATENCY = @LATENCY@;  // predicted, in cycles
  localparam PATIENCE = @PATIENCE@;  // cycles without a beat after which the accelerator stands still
  localparam QUIET = @QUIET@;  // cycles at the end in which nothing may come
  localparam TAKES = FRAMES * BEATS_OUT, MOST_SHOWN = 10;
  localparam WIDEST = 8 * BYTES_OUT > 32 ? 8 * BYTES_OUT : 32;

  reg aclk = 1'b0;
  reg aresetn;
  reg m_axis_tready;
  wire [8*BYTES_OUT-1:0] m_axis_tdata;
  wire m_axis_tvalid, m_axis_tlast, m_axis_tuser;
  wire [31:0] frames, bad_frames;
@DECLARED@
  @TOP@ dut (
    .aclk(aclk), .aresetn(aresetn),
@CONNECTED@,
    .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready),
    .m_axis_tlast(m_axis_tlast), .m_axis_tuser(m_axis_tuser),
    .frames(frames), .bad_frames(bad_frames)
  );

  always #5 aclk = ~aclk;

  reg [8*BYTES_OUT-1:0] wanted [0:TAKES-1];

  reg running = 1'b0, stalling = 1'b0;
  integer cycle, got, waited, first, result_end, before_end;
  integer beats = 0, errors = 0;

  // Pseudo-random numbers (xorshift).
  reg [31:0] random = 32'd2463534242;
  function [31:0] following(input [31:0] value);
    begin
      following = value ^ (value << 13);
      following = following ^ (following >> 17);
      following = following ^ (following << 5);
    end
  endfunction
  wire blocked = stalling && random[18:16] < 3'd3;
  always @(posedge aclk) random <= following(random);

  task wrong(input [8*40-1:0] what, input [WIDEST-1:0] have, input [WIDEST-1:0] want);
    begin
      errors = errors + 1;
      if (errors <= MOST_SHOWN)
        $display("cycle %0d, frame %0d, beat %0d: %0s is %0h, not %0h",
                 cycle, got / BEATS_OUT, got % BEATS_OUT, what, have, want);
    end
  endtask

@SOURCES@
@MEMORY@
  // The sink: every beat is compared, an X is wrong. What is offered stays as it is until it is taken.
  reg offered = 1'b0;
  reg [8*BYTES_OUT+1:0] offer;
  always @(posedge aclk) begin
    if (aresetn === 1'b0) m_axis_tready <= 1'b1;
    if (!running) begin
      cycle <= 0;
      got <= 0;
      waited <= 0;
      first <= -1;
      offered <= 1'b0;
    end else begin
      m_axis_tready <= !blocked;
      cycle <= cycle + 1;
      waited <= waited + 1;
@WATCHED@
      if (m_axis_tvalid !== 1'b0 && m_axis_tvalid !== 1'b1) wrong("m_axis_tvalid", m_axis_tvalid, 1'b1);
      if (offered && m_axis_tvalid !== 1'b1) wrong("m_axis_tvalid of a beat that waits", m_axis_tvalid, 1'b1);
      if (offered && {m_axis_tuser, m_axis_tlast, m_axis_tdata} !== offer)
        wrong("m_axis_tdata of a beat that waits", m_axis_tdata, offer[8*BYTES_OUT-1:0]);
      offered <= m_axis_tvalid && !m_axis_tready;
      offer <= {m_axis_tuser, m_axis_tlast, m_axis_tdata};
      if (m_axis_tvalid && m_axis_tready) begin
        if (got >= TAKES) wrong("m_axis_tvalid after the last result", 1'b1, 1'b0);
        else begin
          if (m_axis_tdata !== wanted[got]) wrong("m_axis_tdata", m_axis_tdata, wanted[got]);
          if (m_axis_tlast !== (got % BEATS_OUT == BEATS_OUT - 1)) wrong("m_axis_tlast", m_axis_tlast, !m_axis_tlast);
          if (m_axis_tuser !== 1'b0) wrong("m_axis_tuser", m_axis_tuser, 1'b0);
          if (got % BEATS_OUT == BEATS_OUT - 1) begin
            if (got < BEATS_OUT) $display("latency %0d cycles, predicted %0d at full rate", cycle - first, LATENCY);
            before_end <= result_end;
            result_end <= cycle;
          end
        end
        beats = beats + 1;
        got <= got + 1;
        waited <= 0;
      end
    end
  end

  task run(input stalls);
    begin
      stalling <= stalls;
      aresetn <= 1'b0;
      repeat (32) @(posedge aclk);  // the vendor's primitives hold themselves in reset for the first 100 ns
      aresetn <= 1'b1;
@SETTLE@      running <= 1'b1;
      @(posedge aclk);
      @(posedge aclk);
      while (got < TAKES && waited < PATIENCE) @(posedge aclk);
      if (got < TAKES) begin
        errors = errors + 1;
        $display("no beat within %0d cycles: the accelerator stands still", PATIENCE);
      end
      repeat (QUIET) @(posedge aclk);
      if (frames !== FRAMES) wrong("the counter of frames", frames, FRAMES);
      if (bad_frames !== 0) wrong("the counter of damaged frames", bad_frames, 0);
      if (got >= 2 * BEATS_OUT)
        $display("%0d beats %0s, last interval %0d cycles, predicted @INTERVAL@ at full rate",
                 got, stalls ? "under stalls" : "at full rate", result_end - before_end);
      running <= 1'b0;
      @(posedge aclk);
    end
  endtask

  initial begin
@READ@
    $readmemh("@WANTED@", wanted);
    if (^{@ENDS@, wanted[0], wanted[TAKES-1]} === 1'bx) begin
      errors = errors + 1;
      $display("vectors are missing: run the simulator in the folder of @WANTED@");
    end else begin
      repeat (8) @(posedge aclk);
      run(1'b0);
      run(1'b1);
    end
    if (errors == 0 && beats == 2 * TAKES) begin
      $display("PASS: %0d frames of @BEATS_IN@ beats, %0d results equal", 2 * FRAMES, beats / BEATS_OUT);
      $finish;
    end else begin
      $display("FAIL: %0d errors in %0d of %0d beats", errors, beats, 2 * TAKES);
`ifdef __ICARUS__
      $fatal(0);  // exit status 1
`else
`ifdef FEWBIT_FATAL
      $fatal(0);  // where the simulator reads this file as SystemVerilog
`else
      $finish;
`endif
`endif
    end
  end
endmodule
"""

# What the bench has for the memory of external weights, likewise: what stands behind an input's part, or alone.
MEMORY_PARTS = {
    "DECLARED": """

  wire [63:0] m_axi_weights_araddr;
  wire [7:0] m_axi_weights_arlen;
  wire m_axi_weights_arvalid;
  reg m_axi_weights_arready = 1'b0, m_axi_weights_rvalid = 1'b0, m_axi_weights_rlast = 1'b0;
  reg [@BITS@-1:0] m_axi_weights_rdata;
  reg [@BITS@-1:0] weights [0:@BEATS@-1];""",
    "CONNECTED": """,
    .m_axi_weights_araddr(m_axi_weights_araddr), .m_axi_weights_arlen(m_axi_weights_arlen),
    .m_axi_weights_arvalid(m_axi_weights_arvalid), .m_axi_weights_arready(m_axi_weights_arready),
    .m_axi_weights_rdata(m_axi_weights_rdata), .m_axi_weights_rresp(2'b00), .m_axi_weights_rlast(m_axi_weights_rlast),
    .m_axi_weights_rvalid(m_axi_weights_rvalid), .weights_image_valid(1'b1), .weights_image_base(64'd0)""",
    "READ": """
    $readmemh("@FILE@", weights);""",
    "ENDS": ", weights[0], weights[@BEATS@-1]",
    "SETTLE": """      repeat (@FILLED@) @(posedge aclk);  // weights are read ahead
""",
    "MEMORY": """
  // The memory of weights: a burst a cycle, its first beat @LATENCY@ cycles later or behind the burst before.
  reg [63:0] burst_at [0:@OUTSTANDING@];
  reg [8:0] burst_left [0:@OUTSTANDING@];
  integer burst_due [0:@OUTSTANDING@];
  integer burst_in = 0, burst_out = 0, bursts = 0, now = 0;
  always @(posedge aclk) begin
    now = now + 1;
    if (aresetn !== 1'b1) begin
      m_axi_weights_arready <= 1'b0;
      m_axi_weights_rvalid <= 1'b0;
      bursts = 0;
      burst_out = burst_in;
    end else begin
      m_axi_weights_arready <= !(stalling && random[27:25] < 3'd3);
      if (m_axi_weights_arvalid && m_axi_weights_arready) begin
        burst_at[burst_in] = m_axi_weights_araddr / (@BITS@ / 8);
        burst_left[burst_in] = m_axi_weights_arlen + 1;
        burst_due[burst_in] = now + @LATENCY@;
        burst_in = (burst_in + 1) % (@OUTSTANDING@ + 1);
        bursts = bursts + 1;
      end
      m_axi_weights_rvalid <= 1'b0;
      if (bursts > 0 && burst_due[burst_out] <= now + 1 && !(stalling && random[23:21] < 3'd3)) begin
        m_axi_weights_rvalid <= 1'b1;
        m_axi_weights_rdata <= weights[burst_at[burst_out]];
        m_axi_weights_rlast <= burst_left[burst_out] == 1;
        burst_at[burst_out] = burst_at[burst_out] + 1;
        burst_left[burst_out] = burst_left[burst_out] - 1;
        if (burst_left[burst_out] == 0) begin
          burst_out = (burst_out + 1) % (@OUTSTANDING@ + 1);
          bursts = bursts - 1;
        end
      end
    end
  end
""",
}

# What the bench has for the stream @S@ of every input, by the name that stands for all of it in `BENCH`.
INPUT_PARTS = {
    "DECLARED": """\
  localparam @S@_BEATS = @BEATS@, @S@_BYTES = @BYTES@;
  reg [8*@S@_BYTES-1:0] @S@_sent [0:FRAMES*@S@_BEATS-1];
  reg [8*@S@_BYTES-1:0] @S@_tdata;
  reg @S@_tvalid, @S@_tlast;
  wire @S@_tready;
  integer @S@_put;
""",
    "CONNECTED": """\
    .@S@_tdata(@S@_tdata), .@S@_tvalid(@S@_tvalid), .@S@_tready(@S@_tready),
    .@S@_tlast(@S@_tlast)@MARK@,
""",
    "SOURCES": """\
  // A source. A beat stays until it is taken.
  always @(posedge aclk)
    if (!running) begin
      if (aresetn === 1'b0) @S@_tvalid <= 1'b0;
      @S@_put <= 0;
    end else if (!@S@_tvalid || @S@_tready) begin
      if (@S@_put < FRAMES * @S@_BEATS && !(stalling && random[@BIT@+:3] < 3'd3)) begin
        @S@_tvalid <= 1'b1;
        @S@_tdata <= @S@_sent[@S@_put];
        @S@_tlast <= @S@_put % @S@_BEATS == @S@_BEATS - 1;
        @S@_put <= @S@_put + 1;
      end else begin
        @S@_tvalid <= 1'b0;
        @S@_tdata <= {8*@S@_BYTES{1'bx}};
        @S@_tlast <= 1'bx;
      end
    end
""",
    "WATCHED": """\
      if (first < 0 && @S@_tvalid && @S@_tready) first <= cycle;
      if (@S@_tready !== 1'b0 && @S@_tready !== 1'b1) wrong("@S@_tready", @S@_tready, 1'b1);
""",
    "READ": """\
    $readmemh("@SENT@", @S@_sent);
""",
    "ENDS": """@S@_sent[0], @S@_sent[FRAMES*@S@_BEATS-1], """,
}
