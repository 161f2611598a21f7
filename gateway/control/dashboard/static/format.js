// Numbers for people. NaN and what is missing are an en dash.

const NOTHING = '–';
const missing = (value) => value === null || value === undefined || !Number.isFinite(value);

/** Three digits that mean something. */
function digits(value) {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en');
  if (size >= 10) return value.toFixed(1);
  if (size >= 1 || size === 0) return value.toFixed(size ? 2 : 0);
  return value.toPrecision(2);
}

/** A number, short. */
export function short(value) {
  if (missing(value)) return NOTHING;
  const size = Math.abs(value);
  if (size >= 1e9) return `${digits(value / 1e9)} G`;
  if (size >= 1e6) return `${digits(value / 1e6)} M`;
  if (size >= 1e5) return `${digits(value / 1e3)} k`;
  return digits(value);
}

/** A whole number. */
export const count = (value) => (missing(value) ? NOTHING : Math.round(value).toLocaleString('en'));

/** Requests a second. */
export const rate = (value) => (missing(value) ? NOTHING : `${short(value)}/s`);

/** A share of 0 to 1. */
export function share(value) {
  if (missing(value)) return NOTHING;
  if (value === 0) return '0 %';
  return value < 0.0001 ? '< 0.01 %' : `${(value * 100).toFixed(value < 0.1 ? 2 : 1)} %`;
}

/** Seconds, in the unit that fits. */
export function time(seconds) {
  if (missing(seconds)) return NOTHING;
  if (seconds < 0.001) return `${digits(seconds * 1e6)} µs`;
  if (seconds < 1) return `${digits(seconds * 1e3)} ms`;
  return seconds < 120 ? `${digits(seconds)} s` : span(seconds);
}

/** A long time: how long something runs or is away. */
export function span(seconds) {
  if (missing(seconds)) return NOTHING;
  const [days, hours, minutes] = [seconds / 86400, (seconds / 3600) % 24, (seconds / 60) % 60].map(Math.floor);
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

/** Bytes. */
export function bytes(value) {
  if (missing(value)) return NOTHING;
  if (value < 1024) return `${Math.round(value)} B`;
  const [size, unit] = value < 2 ** 20 ? [2 ** 10, 'KB'] : value < 2 ** 30 ? [2 ** 20, 'MB'] : [2 ** 30, 'GB'];
  return `${digits(value / size)} ${unit}`;
}

/** The time of a wall clock's seconds, here. */
export function clock(at) {
  if (missing(at)) return NOTHING;
  return new Date(at * 1000).toLocaleTimeString([], { hour12: false });
}

/** The same without seconds. */
export function hour(at) {
  return new Date(at * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
}

/** "1 route", "2 routes". */
export const some = (number, one) => `${count(number)} ${one}${number === 1 ? '' : 's'}`;
