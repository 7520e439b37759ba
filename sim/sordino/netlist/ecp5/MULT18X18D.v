// SPDX-License-Identifier: Apache-2.0
// Behaviour of the ECP5's multiplier for simulations of a netlist; Yosys has none.
//
// It is written from Lattice's TN1267: two operands of 18 bits, each signed where its pin says so,
// a product of 36 bits, and registers before, in and behind the multiplier, each where a clock is
// named. Yosys names none. Where registers are used, SIGNEDA and SIGNEDB must not change, as the
// two go through registers of their own.
//
// Cascades, the operand C, shifted operands, divided clocks and asynchronous resets are not
// described: a parameter's value or a pin that asks for them stops the simulation. A parameter that
// is missing here is refused by sordino.netlist.verilog, a port by every simulator.
//
// Nothing pulses the global set and reset, so all values of GSR mean the same.
`timescale 1ns / 1ps
module MULT18X18D (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    input CLK3, CLK2, CLK1, CLK0, CE3, CE2, CE1, CE0, RST3, RST2, RST1, RST0,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19,
        P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
    parameter REG_INPUTA_CLK = "NONE";
    parameter REG_INPUTA_CE = "CE0";
    parameter REG_INPUTA_RST = "RST0";
    parameter REG_INPUTB_CLK = "NONE";
    parameter REG_INPUTB_CE = "CE0";
    parameter REG_INPUTB_RST = "RST0";
    parameter REG_INPUTC_CLK = "NONE";
    parameter REG_INPUTC_CE = "CE0";
    parameter REG_INPUTC_RST = "RST0";
    parameter REG_PIPELINE_CLK = "NONE";
    parameter REG_PIPELINE_CE = "CE0";
    parameter REG_PIPELINE_RST = "RST0";
    parameter REG_OUTPUT_CLK = "NONE";
    parameter REG_OUTPUT_CE = "CE0";
    parameter REG_OUTPUT_RST = "RST0";
    parameter CLK0_DIV = "ENABLED";
    parameter CLK1_DIV = "ENABLED";
    parameter CLK2_DIV = "ENABLED";
    parameter CLK3_DIV = "ENABLED";
    parameter HIGHSPEED_CLK = "NONE";
    parameter GSR = "ENABLED";
    parameter CAS_MATCH_REG = "FALSE";
    parameter SOURCEB_MODE = "B_SHIFT";
    parameter MULT_BYPASS = "DISABLED";
    parameter RESETMODE = "SYNC";

    localparam REGISTERED = REG_INPUTA_CLK != "NONE" || REG_INPUTB_CLK != "NONE"
        || REG_PIPELINE_CLK != "NONE" || REG_OUTPUT_CLK != "NONE";

    initial begin
        if (REG_INPUTC_CLK != "NONE") $fatal(1, "MULT18X18D: unknown REG_INPUTC_CLK");
        if (CLK0_DIV != "ENABLED" || CLK1_DIV != "ENABLED" || CLK2_DIV != "ENABLED"
            || CLK3_DIV != "ENABLED") $fatal(1, "MULT18X18D: unknown CLK_DIV");
        if (HIGHSPEED_CLK != "NONE") $fatal(1, "MULT18X18D: unknown HIGHSPEED_CLK");
        if (CAS_MATCH_REG != "FALSE") $fatal(1, "MULT18X18D: unknown CAS_MATCH_REG");
        if (SOURCEB_MODE != "B_SHIFT") $fatal(1, "MULT18X18D: unknown SOURCEB_MODE");
        if (MULT_BYPASS != "DISABLED") $fatal(1, "MULT18X18D: unknown MULT_BYPASS");
        if (RESETMODE != "SYNC") $fatal(1, "MULT18X18D: unknown RESETMODE");
        if (GSR != "ENABLED" && GSR != "DISABLED" && GSR != "AUTO")
            $fatal(1, "MULT18X18D: unknown GSR");
    end

    wire [17:0] a = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1,
        A0};
    wire [17:0] b = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1,
        B0};
    wire [17:0] c = {C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1,
        C0};

    always @* if (SOURCEA || SOURCEB) $fatal(1, "MULT18X18D: unknown use of SOURCEA, SOURCEB");
    always @* if (|c) $fatal(1, "MULT18X18D: unknown use of C");
    generate if (REGISTERED) begin : steady
        reg known = 0, before_a, before_b;
        always @(posedge CLK0 or posedge CLK1 or posedge CLK2 or posedge CLK3) begin
            if (known && (before_a !== SIGNEDA || before_b !== SIGNEDB))
                $fatal(1, "MULT18X18D: SIGNEDA or SIGNEDB changes beside registers");
            {known, before_a, before_b} <= {1'b1, SIGNEDA, SIGNEDB};
        end
    end endgenerate

    wire [17:0] a_now, b_now;
    wire [35:0] left = {{18{SIGNEDA && a_now[17]}}, a_now};
    wire [35:0] right = {{18{SIGNEDB && b_now[17]}}, b_now};
    wire [35:0] product, p;
    MULT18X18D_REG #(18, REG_INPUTA_CLK, REG_INPUTA_CE, REG_INPUTA_RST) register_a (
        a, a_now, {CLK3, CLK2, CLK1, CLK0}, {CE3, CE2, CE1, CE0}, {RST3, RST2, RST1, RST0});
    MULT18X18D_REG #(18, REG_INPUTB_CLK, REG_INPUTB_CE, REG_INPUTB_RST) register_b (
        b, b_now, {CLK3, CLK2, CLK1, CLK0}, {CE3, CE2, CE1, CE0}, {RST3, RST2, RST1, RST0});
    MULT18X18D_REG #(36, REG_PIPELINE_CLK, REG_PIPELINE_CE, REG_PIPELINE_RST) register_product (
        left * right, product,
        {CLK3, CLK2, CLK1, CLK0}, {CE3, CE2, CE1, CE0}, {RST3, RST2, RST1, RST0});
    MULT18X18D_REG #(36, REG_OUTPUT_CLK, REG_OUTPUT_CE, REG_OUTPUT_RST) register_p (
        product, p, {CLK3, CLK2, CLK1, CLK0}, {CE3, CE2, CE1, CE0}, {RST3, RST2, RST1, RST0});
    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19,
        P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = p;
endmodule

// One of its registers, or none. Which goes first, a reset or an enable, is not described.
module MULT18X18D_REG #(
    parameter WIDTH = 18,
    parameter CLK = "NONE",
    parameter CE = "CE0",
    parameter RST = "RST0"
) (
    input [WIDTH-1:0] d,
    output [WIDTH-1:0] q,
    input [3:0] clk, ce, rst
);
    localparam K = CLK == "CLK3" ? 3 : CLK == "CLK2" ? 2 : CLK == "CLK1" ? 1 : 0;
    localparam C = CE == "CE3" ? 3 : CE == "CE2" ? 2 : CE == "CE1" ? 1 : 0;
    localparam R = RST == "RST3" ? 3 : RST == "RST2" ? 2 : RST == "RST1" ? 1 : 0;

    generate if (CLK == "NONE") begin : none
        assign q = d;
    end else begin : one
        reg [WIDTH-1:0] held = 0;
        initial begin
            if (K == 0 && CLK != "CLK0") $fatal(1, "MULT18X18D: unknown clock");
            if (C == 0 && CE != "CE0") $fatal(1, "MULT18X18D: unknown clock enable");
            if (R == 0 && RST != "RST0") $fatal(1, "MULT18X18D: unknown reset");
        end
        always @(posedge clk[K])
            if (rst[R]) begin
                if (!ce[C]) $fatal(1, "MULT18X18D: reset of a register that is not enabled");
                held <= 0;
            end else if (ce[C]) held <= d;
        assign q = held;
    end endgenerate
endmodule
