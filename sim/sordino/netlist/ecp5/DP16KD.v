// SPDX-License-Identifier: Apache-2.0
// Behaviour of the ECP5's block RAM for simulations of a netlist; Yosys has none.
//
// It is written from Lattice's TN1264 and from what Yosys' mapping of memories counts on, and is
// stricter where neither promises anything:
//
// - A port that reads bits which the other port writes at the same edge gets wrong ones (unknown
//   ones in simulators that have them). Of two clocks, one that is high counts as rising.
// - Two ports that write to the same 36 bits stop the simulation.
// - So does a reset of a port without an output register. Real devices are on record to read zeros
//   through a port whose reset logic drives: https://github.com/thejefflarson/little-cpu/pull/272
// - So does a parameter's value that is not described here. A parameter that is missing here is
//   refused by sordino.netlist.verilog, a port by every simulator.
//
// Nothing pulses the global set and reset, so all values of GSR mean the same.
`timescale 1ns / 1ps
`ifdef VERILATOR
    `define SORDINO_WRONG(bits) ~(bits)
`else
    `define SORDINO_WRONG(bits) {36{1'bx}}
`endif
module DP16KD (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
        DIA4, DIA3, DIA2, DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
        DOA4, DOA3, DOA2, DOA1, DOA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
        DIB4, DIB3, DIB2, DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
        DOB4, DOB3, DOB2, DOB1, DOB0
);
    parameter DATA_WIDTH_A = 18;
    parameter DATA_WIDTH_B = 18;
    parameter REGMODE_A = "NOREG";
    parameter REGMODE_B = "NOREG";
    parameter RESETMODE = "SYNC";
    parameter ASYNC_RESET_RELEASE = "SYNC";
    parameter CSDECODE_A = "0b000";
    parameter CSDECODE_B = "0b000";
    parameter WRITEMODE_A = "NORMAL";
    parameter WRITEMODE_B = "NORMAL";
    parameter CLKAMUX = "CLKA";
    parameter CLKBMUX = "CLKB";
    parameter GSR = "ENABLED";
    parameter [319:0] INITVAL_00 = 320'h0;
    parameter [319:0] INITVAL_01 = 320'h0;
    parameter [319:0] INITVAL_02 = 320'h0;
    parameter [319:0] INITVAL_03 = 320'h0;
    parameter [319:0] INITVAL_04 = 320'h0;
    parameter [319:0] INITVAL_05 = 320'h0;
    parameter [319:0] INITVAL_06 = 320'h0;
    parameter [319:0] INITVAL_07 = 320'h0;
    parameter [319:0] INITVAL_08 = 320'h0;
    parameter [319:0] INITVAL_09 = 320'h0;
    parameter [319:0] INITVAL_0A = 320'h0;
    parameter [319:0] INITVAL_0B = 320'h0;
    parameter [319:0] INITVAL_0C = 320'h0;
    parameter [319:0] INITVAL_0D = 320'h0;
    parameter [319:0] INITVAL_0E = 320'h0;
    parameter [319:0] INITVAL_0F = 320'h0;
    parameter [319:0] INITVAL_10 = 320'h0;
    parameter [319:0] INITVAL_11 = 320'h0;
    parameter [319:0] INITVAL_12 = 320'h0;
    parameter [319:0] INITVAL_13 = 320'h0;
    parameter [319:0] INITVAL_14 = 320'h0;
    parameter [319:0] INITVAL_15 = 320'h0;
    parameter [319:0] INITVAL_16 = 320'h0;
    parameter [319:0] INITVAL_17 = 320'h0;
    parameter [319:0] INITVAL_18 = 320'h0;
    parameter [319:0] INITVAL_19 = 320'h0;
    parameter [319:0] INITVAL_1A = 320'h0;
    parameter [319:0] INITVAL_1B = 320'h0;
    parameter [319:0] INITVAL_1C = 320'h0;
    parameter [319:0] INITVAL_1D = 320'h0;
    parameter [319:0] INITVAL_1E = 320'h0;
    parameter [319:0] INITVAL_1F = 320'h0;
    parameter [319:0] INITVAL_20 = 320'h0;
    parameter [319:0] INITVAL_21 = 320'h0;
    parameter [319:0] INITVAL_22 = 320'h0;
    parameter [319:0] INITVAL_23 = 320'h0;
    parameter [319:0] INITVAL_24 = 320'h0;
    parameter [319:0] INITVAL_25 = 320'h0;
    parameter [319:0] INITVAL_26 = 320'h0;
    parameter [319:0] INITVAL_27 = 320'h0;
    parameter [319:0] INITVAL_28 = 320'h0;
    parameter [319:0] INITVAL_29 = 320'h0;
    parameter [319:0] INITVAL_2A = 320'h0;
    parameter [319:0] INITVAL_2B = 320'h0;
    parameter [319:0] INITVAL_2C = 320'h0;
    parameter [319:0] INITVAL_2D = 320'h0;
    parameter [319:0] INITVAL_2E = 320'h0;
    parameter [319:0] INITVAL_2F = 320'h0;
    parameter [319:0] INITVAL_30 = 320'h0;
    parameter [319:0] INITVAL_31 = 320'h0;
    parameter [319:0] INITVAL_32 = 320'h0;
    parameter [319:0] INITVAL_33 = 320'h0;
    parameter [319:0] INITVAL_34 = 320'h0;
    parameter [319:0] INITVAL_35 = 320'h0;
    parameter [319:0] INITVAL_36 = 320'h0;
    parameter [319:0] INITVAL_37 = 320'h0;
    parameter [319:0] INITVAL_38 = 320'h0;
    parameter [319:0] INITVAL_39 = 320'h0;
    parameter [319:0] INITVAL_3A = 320'h0;
    parameter [319:0] INITVAL_3B = 320'h0;
    parameter [319:0] INITVAL_3C = 320'h0;
    parameter [319:0] INITVAL_3D = 320'h0;
    parameter [319:0] INITVAL_3E = 320'h0;
    parameter [319:0] INITVAL_3F = 320'h0;
    // Words of 18 bits, each in 20.
    localparam [20479:0] CONTENTS = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C,
        INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
        INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34,
        INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
        INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C,
        INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
        INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24,
        INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
        INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C,
        INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
        INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14,
        INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
        INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C,
        INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
        INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04,
        INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
    };

    // A writes or B reads 36 bits, over the data pins of both ports: A only writes, B only reads.
    localparam PSEUDO = DATA_WIDTH_A == 36 || DATA_WIDTH_B == 36;

    // Every ninth bit is a parity bit, which widths below 9 leave out.
    reg [35:0] memory [0:511];
    integer row;

    initial begin
        for (row = 0; row < 512; row = row + 1)
            memory[row] = {CONTENTS[40 * row + 20 +: 18], CONTENTS[40 * row +: 18]};
        check_port("A", DATA_WIDTH_A, REGMODE_A == "NOREG" || REGMODE_A == "OUTREG",
            WRITEMODE_A == "NORMAL" || WRITEMODE_A == "WRITETHROUGH"
                || WRITEMODE_A == "READBEFOREWRITE",
            CSDECODE_A == "0b000", CLKAMUX == "CLKA");
        check_port("B", DATA_WIDTH_B, REGMODE_B == "NOREG" || REGMODE_B == "OUTREG",
            WRITEMODE_B == "NORMAL" || WRITEMODE_B == "WRITETHROUGH"
                || WRITEMODE_B == "READBEFOREWRITE",
            CSDECODE_B == "0b000", CLKBMUX == "CLKB");
        if (RESETMODE != "SYNC" && RESETMODE != "ASYNC") $fatal(1, "DP16KD: unknown RESETMODE");
        if (ASYNC_RESET_RELEASE != "SYNC" && ASYNC_RESET_RELEASE != "ASYNC")
            $fatal(1, "DP16KD: unknown ASYNC_RESET_RELEASE");
        if (GSR != "ENABLED" && GSR != "DISABLED" && GSR != "AUTO")
            $fatal(1, "DP16KD: unknown GSR");
    end

    task check_port(
        input [7:0] port, input integer width, input regmode, input writemode, input csdecode,
        input clkmux
    );
        if (width != 1 && width != 2 && width != 4 && width != 9 && width != 18 && width != 36)
            $fatal(1, "DP16KD: unknown DATA_WIDTH_%s %0d", port, width);
        else if (!regmode) $fatal(1, "DP16KD: unknown REGMODE_%s", port);
        else if (!writemode) $fatal(1, "DP16KD: unknown WRITEMODE_%s", port);
        else if (!csdecode) $fatal(1, "DP16KD: unknown CSDECODE_%s", port);
        else if (!clkmux) $fatal(1, "DP16KD: unknown CLK%sMUX", port);
    endtask

    // The first bit of a row that a port of a width reaches.
    function [5:0] first(input integer width, input [13:0] ad);
        case (width)
            1: first = 9 * ad[4:3] + ad[2:0];
            2: first = 9 * ad[4:3] + 2 * ad[2:1];
            4: first = 9 * ad[4:3] + 4 * ad[2];
            9: first = 9 * ad[4:3];
            18: first = ad[4] ? 18 : 0;
            default: first = 0;
        endcase
    endfunction

    // The bits that it writes: the lowest address bits of wide ports enable bytes.
    function [35:0] enabled(input integer width, input [13:0] ad);
        case (width)
            1: enabled = 36'h1;
            2: enabled = 36'h3;
            4: enabled = 36'hf;
            9: enabled = 36'h1ff;
            18: enabled = {18'b0, {9{ad[1]}}, {9{ad[0]}}};
            default: enabled = {{9{ad[3]}}, {9{ad[2]}}, {9{ad[1]}}, {9{ad[0]}}};
        endcase
    endfunction

    function [35:0] all(input integer width);
        case (width)
            1: all = 36'h1;
            2: all = 36'h3;
            4: all = 36'hf;
            9: all = 36'h1ff;
            18: all = 36'h3ffff;
            default: all = 36'hfffffffff;
        endcase
    endfunction

    wire [17:0] di_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7,
        DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    wire [13:0] ad_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3,
        ADA2, ADA1, ADA0};
    wire [17:0] di_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7,
        DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
    wire [13:0] ad_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3,
        ADB2, ADB1, ADB0};
    wire [35:0] data_a = DATA_WIDTH_A == 36 ? {di_b, di_a} : {18'b0, di_a};
    wire [35:0] data_b = {18'b0, di_b};
    wire same = ad_a[13:5] == ad_b[13:5];

    reg [35:0] core_a = 36'b0, out_a = 36'b0;
    always @(posedge CLKA) begin : port_a
        reg [35:0] clash, old, written, after;
        if (RSTA) begin
            if (REGMODE_A != "OUTREG" || RESETMODE != "SYNC")
                $fatal(1, "DP16KD: reset of port A is known for OUTREG and SYNC alone");
            if (CEA && WEA) $fatal(1, "DP16KD: reset of port A while it writes");
            core_a <= `SORDINO_WRONG(core_a);
        end else if (CEA) begin
            if (CSA2 || CSA1 || CSA0) $fatal(1, "DP16KD: unknown use of CSA");
            clash = CLKB && CEB && WEB && same
                ? enabled(DATA_WIDTH_B, ad_b) << first(DATA_WIDTH_B, ad_b) : 36'b0;
            old = memory[ad_a[13:5]];
            old = (old & ~clash) | (`SORDINO_WRONG(old) & clash);
            if (WEA) begin
                if (clash != 0) $fatal(1, "DP16KD: both ports write the same 36 bits");
                written = enabled(DATA_WIDTH_A, ad_a) << first(DATA_WIDTH_A, ad_a);
                after = (old & ~written) | ((data_a << first(DATA_WIDTH_A, ad_a)) & written);
                if (written != 0) memory[ad_a[13:5]] <= after;
                if (WRITEMODE_A == "WRITETHROUGH") old = after;
            end
            if (!WEA || WRITEMODE_A != "NORMAL")
                core_a <= (old >> first(DATA_WIDTH_A, ad_a)) & all(DATA_WIDTH_A);
        end
        if (RSTA) out_a <= 36'b0;
        else if (OCEA) out_a <= core_a;
    end
    wire [35:0] do_a = REGMODE_A == "OUTREG" ? out_a : core_a;

    reg [35:0] core_b = 36'b0, out_b = 36'b0;
    always @(posedge CLKB) begin : port_b
        reg [35:0] clash, old, written, after;
        if (RSTB) begin
            if (REGMODE_B != "OUTREG" || RESETMODE != "SYNC")
                $fatal(1, "DP16KD: reset of port B is known for OUTREG and SYNC alone");
            if (CEB && WEB) $fatal(1, "DP16KD: reset of port B while it writes");
            core_b <= `SORDINO_WRONG(core_b);
        end else if (CEB) begin
            if (CSB2 || CSB1 || CSB0) $fatal(1, "DP16KD: unknown use of CSB");
            clash = CLKA && CEA && WEA && same
                ? enabled(DATA_WIDTH_A, ad_a) << first(DATA_WIDTH_A, ad_a) : 36'b0;
            old = memory[ad_b[13:5]];
            old = (old & ~clash) | (`SORDINO_WRONG(old) & clash);
            if (WEB) begin
                if (clash != 0) $fatal(1, "DP16KD: both ports write the same 36 bits");
                if (PSEUDO) $fatal(1, "DP16KD: port B writes beside one of 36 bits");
                written = enabled(DATA_WIDTH_B, ad_b) << first(DATA_WIDTH_B, ad_b);
                after = (old & ~written) | ((data_b << first(DATA_WIDTH_B, ad_b)) & written);
                if (written != 0) memory[ad_b[13:5]] <= after;
                if (WRITEMODE_B == "WRITETHROUGH") old = after;
            end
            if (!WEB || WRITEMODE_B != "NORMAL")
                core_b <= (old >> first(DATA_WIDTH_B, ad_b)) & all(DATA_WIDTH_B);
        end
        if (RSTB) out_b <= 36'b0;
        else if (OCEB) out_b <= core_b;
    end
    wire [35:0] do_b = REGMODE_B == "OUTREG" ? out_b : core_b;

    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
        DOA4, DOA3, DOA2, DOA1, DOA0} = DATA_WIDTH_B == 36 ? do_b[17:0] : PSEUDO ? {18{1'bx}} :
        do_a[17:0];
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
        DOB4, DOB3, DOB2, DOB1, DOB0} = DATA_WIDTH_B == 36 ? do_b[35:18] : do_b[17:0];
endmodule
`undef SORDINO_WRONG
