// Numbers, times and problems in words.
import { h } from "./dom.js";

const plain = new Intl.NumberFormat("en");

/** 12,345 */
export const count = (number) => plain.format(number);

/** "≈ 1,200,000": an estimate, rounded to its known digits. */
export const rough = (number) => `≈ ${count(Number(number.toPrecision(2)))}`;

/** "1 test", "12 tests" */
export const many = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** "a", "a and b", "a, b and c" */
export const listed = (names) => [names.slice(0, -1).join(", "), names.at(-1)].filter(Boolean).join(" and ");

/** "1 byte", "142 kB", "3.2 MB" */
export function size(bytes) {
	if (bytes < 1000) return many(bytes, "byte");
	const [unit, name] = bytes < 1e6 ? [1e3, "kB"] : bytes < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
	const number = bytes / unit;
	return `${number < 10 ? number.toFixed(1) : Math.round(number)} ${name}`;
}

/** A span of seconds: "142 ms", "3.2 s", "4 min", "2 h 5 min". */
export function span(seconds) {
	if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
	if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
	if (seconds < 10) return `${seconds.toFixed(1)} s`;
	if (seconds < 90) return `${Math.round(seconds)} s`;
	const minutes = Math.round(seconds / 60);
	if (minutes < 90) return `${minutes} min`;
	const hours = Math.floor(minutes / 60);
	if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
	return `${Math.round(hours / 24)} days`;
}

/** Seconds between two RFC 3339 times, the second one now if missing. */
export const between = (from, to) => ((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000;

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const year = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

/** A time of today as 14:03:22, another of this year as 3 May, 14:03, any other as 3 May 2024. */
export function time(text) {
	if (!text) return "–";
	const when = new Date(text), now = new Date();
	if (when.toDateString() === now.toDateString()) return clock.format(when);
	return (when.getFullYear() === now.getFullYear() ? day : year).format(when);
}

/** A time as the clocks of a zone show it: "Fri 27 Nov, 02:00 Europe/Berlin". */
export function timeIn(text, zone) {
	/** @type {Intl.DateTimeFormatOptions} */
	const shown = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
	try {
		return `${new Intl.DateTimeFormat("en-GB", { ...shown, timeZone: zone }).format(new Date(text))} ${zone}`;
	} catch {
		return timeIn(text, "UTC");
	}
}

/** A state as people say it. */
export const stateName = (state) => (state === "error_resolved" ? "resolved" : state);

/** An error as a title and a sentence. */
export function fault(error) {
	const problem = error?.cause;
	if (error?.constructor.name === "ConnectionError")
		return { title: "Sooner cannot be reached", detail: "Check the connection and try again: nothing is submitted twice." };
	if (problem?.status === 401) return { title: "The key is not accepted", detail: problem.detail };
	return { title: problem?.title ?? "That did not work", detail: problem?.detail ?? error?.message };
}

/** A sentence with its `names` in backticks. */
export const prose = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
