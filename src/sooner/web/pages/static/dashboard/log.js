// What the code of a job has logged, as it comes.
import { h, put } from "../lib/dom.js";
import { count } from "../lib/words.js";
import { isLive } from "./facts.js";

/** A page shows so many lines: a browser lays out more too slowly. */
const MOST = 5000;
const OWN = ["at", "level", "logger", "message", "attempt"];
/** Fields of several lines, with their own place below the message. */
const BLOCKS = ["exception", "stack"];
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });

/** The log of the job that is shown. */
export class Log {
	/** @type {EventSource | null} */
	#source = null;
	/** @type {string | null} */
	#id = null;
	#shown = 0;
	#attempt = 0;

	constructor() {
		this.lines = h("ol", { class: "log", role: "log", tabindex: 0, "aria-label": "Log", hidden: true });
		this.note = h("p", { class: "quiet small" });
		this.element = h("section", { class: "logged" }, h("h3", {}, "Log"), this.lines, this.note);
		// A browser has six connections to a server: a page kept for going back must not hold one.
		addEventListener("pagehide", () => this.close());
	}

	/** Reads the log of a job from its beginning. */
	open(id) {
		this.close();
		this.lines.hidden = true;
		put(this.lines);
		put(this.note, "Its code has logged nothing yet.");
		this.#id = id;
		this.#shown = this.#attempt = 0;
		this.#source = new EventSource(`jobs/${id}/logs`);
		this.#source.addEventListener("log", (event) => this.#add(JSON.parse(event.data)));
	}

	/** The job has changed: the log of a job that goes on is read anew where it had ended, and an end without a line is told. */
	heard(job) {
		const isOver = (this.#source?.readyState ?? EventSource.CLOSED) === EventSource.CLOSED;
		if (isOver && isLive(job) && this.#shown <= MOST && this.#id !== null) this.open(this.#id);
		if (!this.#shown) put(this.note, isLive(job) ? "Its code has logged nothing yet." : "Its code has logged nothing.");
	}

	close() {
		this.#source?.close();
		this.#source = null;
	}

	#add(line) {
		if (++this.#shown > MOST) return this.#stop();
		const { lines } = this;
		// Who has scrolled up reads: the lines below do not move these.
		const follows = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
		if (line.attempt !== this.#attempt) lines.append(h("li", { class: "attempt" }, `Attempt ${line.attempt}`));
		lines.append(row(line));
		this.#attempt = line.attempt;
		if (this.#shown === 1) put(this.note);
		lines.hidden = false;
		if (follows) lines.scrollTop = lines.scrollHeight;
	}

	#stop() {
		this.close();
		put(this.note, `The first ${count(MOST)} lines. `, h("a", { href: `jobs/${this.#id}/logs`, target: "_blank" }, "All of them as JSON"));
	}
}

const row = (line) => h("li", { class: line.level },
	h("time", { class: "quiet", datetime: line.at, title: line.at }, clock.format(new Date(line.at))), h("span", { class: "level" }, line.level),
	h("div", { class: "text" }, h("span", { class: "quiet" }, line.logger), " ", line.message, rest(line).map(([name, value]) => h("span", { class: "quiet" }, ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)),
		BLOCKS.filter((name) => line[name]).map((name) => h("pre", {}, line[name]))));

const rest = (line) => Object.entries(line).filter(([name]) => !OWN.includes(name) && !BLOCKS.includes(name));
