// Golden frames of EMGSTIM/1, written from docs/wire/emgstim-1.md alone: its own COBS, CRC-32 and field layouts.
// It shares no code with the Python codec, so that both would have to misread the document in the same way.
// Run once after a change of the document:  node tests/golden/make_emgstim_1.mjs
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// ---------------------------------------------------------------- section 3: CRC-32/ISO-HDLC, bit by bit
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

// ---------------------------------------------------------------- section 3: COBS
function cobs(bytes) {
  const out = [];
  let block = [];
  const close = (code) => {
    out.push(code, ...block);
    block = [];
  };
  bytes.forEach((byte, index) => {
    if (byte === 0) {
      close(block.length + 1);
    } else {
      block.push(byte);
      if (block.length === 254 && index + 1 < bytes.length) close(255);
    }
  });
  close(block.length + 1);
  return out;
}

// ---------------------------------------------------------------- little-endian fields
const le = (value, size) => {
  let rest = BigInt.asUintN(8 * size, BigInt(value));
  const out = [];
  for (let i = 0; i < size; i += 1) {
    out.push(Number(rest & 0xffn));
    rest >>= 8n;
  }
  return out;
};
const u8 = (v) => le(v, 1);
const u16 = (v) => le(v, 2);
const u32 = (v) => le(v, 4);
const u64 = (v) => le(v, 8);
const i16 = u16;
const i32 = u32;
const i64 = u64;
const text = (s) => [...new TextEncoder().encode(s)];
const float = (v, size) => {
  const view = new DataView(new ArrayBuffer(size));
  if (size === 8) view.setFloat64(0, v, true);
  else view.setFloat32(0, v, true);
  return [...new Uint8Array(view.buffer)];
};
const hex = (bytes) => bytes.map((b) => b.toString(16).padStart(2, "0")).join("");

const REPLY = 1;
const ERROR = 2;
const frames = [];
function frame(name, message, { type, flags = 0, chan = 0, seq, payload, fields }) {
  const bytes = payload.flat();
  const body = [...u8(0x10), ...u8(type), ...u8(flags), ...u8(chan), ...u16(seq), ...u16(bytes.length), ...bytes];
  const decoded = [...body, ...u32(crc32(body))];
  frames.push({
    name, message, type, flags, chan, seq, fields,
    payload: hex(bytes), decoded: hex(decoded), wire: hex([...cobs(decoded), 0]),
  });
}
const request = (message, type, seq, payload, fields, name = message) =>
  frame(name, message, { type, seq, payload, fields });
const reply = (message, type, seq, re, payload, fields, name = message) =>
  frame(name, message, { type, flags: REPLY, seq, payload: [u16(re), ...payload], fields: { re, ...fields } });

// ---------------------------------------------------------------- section 5: conversation
request("Hello", 0x01, 1, [u8(1), u8(0), u32(0x12345678)], { max_major: 1, max_minor: 0, host_nonce: 0x12345678 });

const tlv = (tag, bytes) => [tag, bytes.length, ...bytes];
const hard = {
  max_current_ua: 50000, max_charge_nc: 25000, max_energy_uj: 50000, min_interval_us: 100000,
  max_width_us: 500, max_rms_density_ua_cm2: 2000, max_pulses: 300,
};
const ident = [
  u8(1), u8(0), u32(0x12345678), u32(0xb0071d01), u32(0xdeadbeef),
  tlv(1, text("EF-0001")), tlv(2, text("1.0.0+abc")), tlv(3, text("EMGSTIM reference")), tlv(4, [16]),
  tlv(5, [...u32(20000), ...u32(2000)]), tlv(6, Object.values(hard).flatMap(u32)), tlv(7, [1]),
  tlv(8, u32(20000)), tlv(9, u32(41)),
];
const identFields = {
  major: 1, minor: 0, host_nonce: 0x12345678, boot_id: 0xb0071d01, descriptor_crc: 0xdeadbeef,
  serial: "EF-0001", firmware: "1.0.0+abc", model: "EMGSTIM reference", channel_count: 16,
  rates_hz: [20000, 2000], hard_limits: hard, simulated: true, ticks_hz: 20000, last_stim_seq: 41, unknown: [],
};
reply("Ident", 0x02, 1, 1, ident, identFields);
reply("Ident", 0x02, 2, 1, [...ident, tlv(200, [1, 2, 3])], { ...identFields, unknown: [[200, "010203"]] },
  "Ident with an unknown tag");

request("Heartbeat", 0x20, 2, [u64("1234567890123456789"), u32(0xcafef00d)],
  { host_ns: { u64: "1234567890123456789" }, arm_token: 0xcafef00d });
reply("Status", 0x21, 3, 2,
  [u64("1234567890123456789"), u64(987654321), u64("18446744073709551615"), u8(3), u32(0x4041), u32(41), i16(-1234),
    u16(0), u16(65535)],
  { host_ns: { u64: "1234567890123456789" }, dev_ticks: 987654321, sample_index: { u64: "18446744073709551615" },
    state: 3, interlocks: 0x4041, last_stim_seq: 41, temp_cc: -1234, hv_v: 0, queue_free: 65535 });
request("EStop", 0x3f, 3, [], {});
request("Clear", 0x3e, 4, [], {});
reply("Cleared", 0x3e, 4, 4, [u8(1)], { state: 1 });
frame("Event", "Event", {
  type: 0x40, chan: 2, seq: 7,
  payload: [u8(3), u64(400000), u64(123456), u8(1), u32(0x40), i32(-300), text("no heartbeat for 300 ms")],
  fields: { code: 3, dev_ticks: 400000, sample_index: 123456, state: 1, interlocks: 0x40, value: -300,
    text: "no heartbeat for 300 ms" },
});
frame("Nak", "Nak", {
  type: 0x7f, flags: REPLY | ERROR, seq: 5, payload: [u8(6), u16(0xbeef), text("1200 is past 1250")],
  fields: { re: 0xbeef, code: 6, text: "1200 is past 1250" },
});

// ---------------------------------------------------------------- section 5: memory
request("DescRead", 0x03, 5, [u32(2048), u16(1024)], { offset: 2048, length: 1024 });
reply("DescData", 0x03, 6, 5, [u32(2048), u32(2051), [0x00, 0xff, 0x00]],
  { offset: 2048, total: 2051, data: "00ff00" });
request("CalRead", 0x05, 6, [u32(0), u16(2048)], { offset: 0, length: 2048 });
reply("CalData", 0x05, 7, 6, [u32(0), u32(512), text("ECAL")], { offset: 0, total: 512, data: "4543414c" });
request("RegRead", 0x04, 7, [u8(1), u16(0x0120)], { register: 0x0120 });
request("RegWrite", 0x04, 8, [u8(2), u16(0x0100), u8(3), u32(40000)],
  { register: 0x0100, value: 40000, value_type: 3 });
reply("RegValue", 0x04, 8, 8, [u8(2), u16(0x0100), u8(3), u32(40000)],
  { register: 0x0100, value: 40000, value_type: 3, operation: 2 });

// ---------------------------------------------------------------- section 5: acquisition
request("StreamStart", 0x10, 9, [u8(1), u32(20000), u32(0xffff), u8(1), u8(80)],
  { rate_hz: 20000, channel_mask: 0xffff, fmt: 1, block_samples: 80 });
reply("StreamStarted", 0x10, 9, 9, [u8(1), u32(20000), u32(1), u32(3), u64(123456789)],
  { rate_num: 20000, rate_den: 1, stream_id: 3, start_ticks: 123456789 });
request("StreamStop", 0x10, 10, [u8(0)], {});
reply("StreamStopped", 0x10, 10, 10, [u8(0), u32(3), u64(64000)], { stream_id: 3, end_sample: 64000 });
request("ImpedanceRequest", 0x12, 11, [u32(0x10001), u16(30)], { channel_mask: 0x10001, freq_hz: 30 });
reply("ImpedanceReply", 0x12, 11, 11,
  [u32(0x10001), u16(30), u32(4700), u32(5200), u8(0), u32(4294967295), u32(3000), u8(2)],
  { channel_mask: 0x10001, freq_hz: 30,
    readings: [{ g1_ohm: 4700, g2_ohm: 5200, status: 0 }, { g1_ohm: 4294967295, g2_ohm: 3000, status: 2 }] });

function data(name, seq, width, format, rows, { first, over = 0, leadoff = 0, markers = [], empty = 0 }) {
  const samples = rows.length ? rows[0].length : empty;
  const body = [];
  for (let t = 0; t < samples; t += 1) for (const row of rows) body.push(...le(row[t], width));
  frame(name, "Data", {
    type: 0x11, chan: 1, seq,
    payload: [
      u64(first), u8(samples), u8(rows.length), u8(format), u8(markers.length), u32(over), u32(leadoff),
      markers.flatMap((m) => [u16(m.sample_offset), u16(m.subsample_q16), u8(m.kind), u8(m.pulse), u16(m.marker_id),
        u32(m.stim_seq), i32(m.value)].flat()),
      body,
    ],
    fields: { first_sample: first, fmt: format, over, leadoff, markers, counts: rows.length ? rows : { samples } },
  });
}
data("Data i16", 65534, 2, 0, [[-32768, -1, 0], [1, 32767, 256]], { first: 0 });
data("Data i24", 65535, 3, 1, [[-8388608, -1, 0, 1], [8388607, -256, 255, 65536]], {
  first: 4294967296, over: 1, leadoff: 0x80000000,
  markers: [
    { sample_offset: 2, subsample_q16: 32768, kind: 1, pulse: 0, marker_id: 9, stim_seq: 42, value: -7 },
    { sample_offset: 3, subsample_q16: 65535, kind: 200, pulse: 255, marker_id: 65535, stim_seq: 0, value: 0 },
  ],
});
data("Data i32", 0, 4, 2, [[-2147483648, 2147483647]], { first: 1 });
const ramp = Array.from({ length: 16 }, (_, c) => Array.from({ length: 80 }, (_, t) => (t - 40) * 1000 + c));
data("Data i24 full block", 1, 3, 1, ramp, { first: 80 });

// ---------------------------------------------------------------- section 5: stimulation
request("StimProgram", 0x30, 12,
  [u16(7), u8(0), u8(2), u32(0), u16(1), u16(20000), u32(1), i32(20000), u32(200), i32(-20000), u32(200)],
  { program_id: 7, channel: 0, period_us: 0, count: 1, max_charge_nc: 20000, flags: 1,
    phases: [{ current_ua: 20000, duration_us: 200 }, { current_ua: -20000, duration_us: 200 }] });
reply("StimProgrammed", 0x30, 12, 12, [u16(7)], { program_id: 7 });
request("ArmRequest", 0x31, 13, [u8(1), u16(7)], { program_id: 7 });
const limits = [u32(40000), u32(20000), u32(1000000), u16(1)].flat();
reply("ArmChallenge", 0x31, 13, 13, [u8(1), u32(0x0badcafe), limits],
  { challenge: 0x0badcafe, max_current_ua: 40000, max_charge_nc: 20000, min_interval_us: 1000000, max_pulses: 1 });
request("ArmConfirm", 0x31, 14, [u8(2), u32(0x0badcafe), u32(crc32(limits))],
  { challenge: 0x0badcafe, limits_crc: crc32(limits) });
reply("ArmToken", 0x31, 14, 14, [u8(2), u32(0xcafef00d)], { arm_token: 0xcafef00d });
request("Fire", 0x32, 15, [u32(0xcafef00d), u32(42), u16(7), u64(20480)],
  { arm_token: 0xcafef00d, stim_seq: 42, program_id: 7, at_sample: 20480 });
reply("FireAccepted", 0x32, 15, 15, [u32(42), u64(20480)], { stim_seq: 42, at_sample: 20480 });
frame("StimReport", "StimReport", {
  type: 0x33, chan: 2, seq: 8,
  payload: [u32(42), u64(20480), u16(16384), u16(7), i32(20000), i32(19950), u32(200050), i32(3991), u16(180), u16(210),
    u8(0), u16(0), [0]],
  fields: { stim_seq: 42, onset_sample: 20480, subsample_q16: 16384, program_id: 7, commanded_ua: 20000,
    measured_ua: 19950, measured_width_ns: 200050, charge_nc: 3991, compliance_v: 180, load_ohm_x10: 210, result: 0,
    pulse: 0 },
});
request("Disarm", 0x31, 16, [u8(3)], {});
reply("Disarmed", 0x31, 16, 16, [u8(3), u8(2)], { state: 2 });

// ---------------------------------------------------------------- section 5.15: half a device
request("StreamStart", 0x10, 17, [u8(1), u32(20000), u32(0), u8(1), u8(255)],
  { rate_hz: 20000, channel_mask: 0, fmt: 1, block_samples: 255 }, "StreamStart without channels");
data("Data without channels", 2, 3, 1, [], {
  first: 160, empty: 80,
  markers: [{ sample_offset: 10, subsample_q16: 32768, kind: 1, pulse: 0, marker_id: 7, stim_seq: 43, value: 20000 }],
});
data("Data with a trigger input", 3, 3, 1, [[0, 1]], {
  first: 5, markers: [{ sample_offset: 1, subsample_q16: 49152, kind: 4, pulse: 0, marker_id: 0, stim_seq: 0, value: 0 }],
});
const none = Object.fromEntries(Object.keys(hard).map((key) => [key, 0]));
reply("Ident", 0x02, 3, 1, [
  u8(1), u8(1), u32(0x12345678), u32(0xb0071d01), u32(0xdeadbeef),
  tlv(1, text("EA-0001")), tlv(2, text("1.1.0")), tlv(3, text("EMGSTIM amplifier")), tlv(4, [16]),
  tlv(5, [...u32(20000), ...u32(2000)]), tlv(6, Object.values(none).flatMap(u32)), tlv(7, [1]),
  tlv(8, u32(20000)), tlv(9, u32(0)),
], { ...identFields, minor: 1, serial: "EA-0001", firmware: "1.1.0", model: "EMGSTIM amplifier", hard_limits: none,
  last_stim_seq: 0 }, "Ident of an amplifier");

// ---------------------------------------------------------------- section 7: calibration block
const channels = [[4.76837158203125, -12.5, 25.5, 1.75, 100000], [22.352, 0, -1.25, 0, 4294967295]];
const ranges = [[1000 / 4096, 3.5, 50000, 1250]];
const calBody = [
  ...channels.flatMap((c) => [float(c[0], 8), float(c[1], 8), float(c[2], 4), float(c[3], 4), u32(c[4])].flat()),
  ...ranges.flatMap((r) => [float(r[0], 8), float(r[1], 8), u32(r[2]), u32(r[3])].flat()),
];
const serial = [...text("EF-0001"), ...Array(16).fill(0)].slice(0, 16);
const calHead = [
  ...text("ECAL"), ...u16(1), ...u16(36 + calBody.length + 4), ...serial, ...i64(1767225600),
  ...u8(channels.length), ...u8(ranges.length), ...u16(0),
];
const calibration = [...calHead, ...calBody, ...u32(crc32([...calHead, ...calBody]))];

const golden = {
  about: "EMGSTIM/1 golden bytes, made by make_emgstim_1.mjs from docs/wire/emgstim-1.md",
  crc32_check: crc32(text("123456789")),
  limits_crc: { max_current_ua: 40000, max_charge_nc: 20000, min_interval_us: 1000000, max_pulses: 1,
    bytes: hex(limits), crc32: crc32(limits) },
  cobs: [0, 1, 253, 254, 255, 508, 600].flatMap((n) => [Array(n).fill(0x11), [...Array(n).fill(0x11), 0]])
    .map((bytes) => ({ plain: hex(bytes), encoded: hex(cobs(bytes)) })),
  calibration: { serial: "EF-0001", version: 1, unix_time: 1767225600, channels, ranges, block: hex(calibration) },
  frames,
};
const here = dirname(fileURLToPath(import.meta.url));
writeFileSync(join(here, "emgstim-1.json"), `${JSON.stringify(golden, null, 1)}\n`);
