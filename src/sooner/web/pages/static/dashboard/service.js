// Requests to the service: actions, and the event stream.

/** A request as the signed-in operator. Raises an Error whose cause is the problem. */
export async function call(method, path, body) {
	/** @type {Record<string, string>} */
	const headers = body === undefined ? {} : { "Content-Type": "application/json" };
	const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
	const answer = response.status === 204 ? null : await response.json().catch(() => null);
	if (!response.ok) throw Object.assign(new Error(answer?.title ?? response.statusText, { cause: answer }), { status: response.status });
	return answer;
}

/**
 * The event stream of the page's view, opened again when the view changes. `on` has a handler for each event;
 * `on.connected(whether)` says whether events arrive.
 */
export class Stream {
	/** @type {EventSource | null} */
	#source = null;
	#address = "";

	constructor(on) {
		this.on = on;
		// A browser has six connections to a server: a page kept for going back must not hold one.
		addEventListener("pagehide", () => this.#source?.close());
		addEventListener("pageshow", (event) => event.persisted && this.#source && this.#open());
	}

	/** Shows this: a query of `dashboard/events`. */
	show(query) {
		const address = `dashboard/events?${query}`;
		if (address === this.#address && this.#source) return;
		this.#address = address;
		this.#open();
	}

	#open() {
		this.close();
		const source = (this.#source = new EventSource(this.#address));
		for (const name of ["board", "jobs", "job"])
			source.addEventListener(name, (event) => {
				this.on.connected(true);
				this.on[name](JSON.parse(event.data));
			});
		source.addEventListener("away", () => this.on.connected(false));
		source.addEventListener("over", () => this.on.over());
		source.onerror = () => this.#failed(source);
	}

	/** Finds out by a request whether a refused stream's session is over, or its server away. */
	#failed(source) {
		this.on.connected(false);
		if (source.readyState !== EventSource.CLOSED || source !== this.#source) return;
		const again = () => source === this.#source && this.#open();
		call("GET", "dashboard/history").then(again, (error) => (error.status === 401 || error.status === 403 ? this.on.over() : setTimeout(again, 1000 + 2000 * Math.random())));
	}

	close() {
		this.#source?.close();
		this.#source = null;
	}
}
