// What the job puts out, as it comes.
import { at, h, put } from "../lib/dom.js";

/** A page shows so many characters: a browser lays out more too slowly. */
const MOST = 1_000_000;

/** Shows a job's output until its end, or until another job is shown. The section appears with the first piece. */
export async function showOutput(job, signal) {
	const text = h("pre", { class: "said", role: "log", tabindex: 0 });
	const note = h("p", { class: "quiet small" });
	put(at("output"), h("h2", {}, "Output"), text, note);
	let length = 0;
	const onReset = () => (put(text), (length = 0), put(note, "The job is tried again: its output begins anew."));
	try {
		for await (const piece of job.output({ onReset })) {
			if (signal.aborted) return;
			at("output").hidden = false;
			const said = typeof piece === "string" ? piece : `${JSON.stringify(piece)}\n`;
			length += said.length;
			if (length <= MOST) text.append(said);
			else put(note, "There is more output than this page shows.");
		}
	} catch (error) {
		if (!signal.aborted) put(note, `The output is not read on: ${error.message}`);
	}
}
