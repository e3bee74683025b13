// Submits jobs, awaits results.

/** @typedef {{state: string, urls: Record<string, string>, [_: string]: any}} JobDocument */
/** @typedef {{signal?: AbortSignal, onProgress?: (job: Job) => void}} Follow */

/** Refused; `cause`: problem (RFC 9457). */
export class ProblemError extends Error {}
/** Failed or cancelled; `cause`: job document. */
export class JobError extends Error {}
/** No answer. Submitting again makes no second job. */
export class ConnectionError extends Error {}

/** Ends early once back online. @param {number} seconds @param {AbortSignal?} [signal] */
function sleep(seconds, signal) {
	const over = new AbortController();
	return new Promise((resolve, reject) => {
		setTimeout(resolve, seconds * 1000);
		addEventListener("online", resolve, over);
		signal?.addEventListener("abort", () => reject(signal.reason), over);
	}).finally(() => over.abort());
}

/** With jitter. @param {URL} url @param {RequestInit} init */
async function exchange(url, init, tries = 5) {
	for (let n = 1; ; n++) {
		let error, pause = 0;
		try {
			const response = await fetch(url, init);
			const after = response.headers.get("retry-after") ?? "";
			pause = +after || (Date.parse(after) - Date.now()) / 1000 || 0;
			const body = response.status === 304 ? null : await response.json();
			if (response.ok || !body) return { body, pause, tag: response.headers.get("etag") ?? "" };
			error = new ProblemError(body.detail ?? body.title, { cause: body });
			if (!/429|50[234]/.test(`${response.status}`)) n = tries;
		} catch (cause) {
			init.signal?.throwIfAborted();
			error = new ConnectionError("No answer", { cause });
		}
		if (n >= tries || pause > 60) throw error;
		await sleep(pause + Math.random() * Math.min(20, 2 ** n / 4), init.signal);
	}
}

export class Job {
	/** @type {Promise<void>?} */ #end = null;
	#base;
	#follow;

	/** @param {JobDocument} document @param {URL} base @param {Follow} follow */
	constructor(document, base, follow) {
		this.document = document;
		this.#base = base;
		this.#follow = follow;
		if (follow.onProgress) this.result().catch(() => {});
	}

	get final() { return !/ing$/.test(this.document.state); }
	/** Capability address for `resume`. */
	get url() { return this.#url("self").href; }
	/** @param {string} name */
	#url(name) { return new URL(this.document.urls[name], this.#base); }

	/** Throws those above. */
	async result() {
		if (!this.final) await (this.#end ??= this.#listen());
		const { state, error, result } = this.document;
		if (state !== "done") throw new JobError(error?.detail ?? state, { cause: this.document });
		return result;
	}

	/** Output, each piece once, until the job's end. `onReset`: tried again, earlier pieces are void. @param {{onReset?: () => void}} [options] */
	async *output({ onReset } = {}) {
		const url = this.#url("self"), { signal } = this.#follow, over = new AbortController();
		url.pathname += "/output";
		let at = 0, state = "", news = () => {};
		/** @type {any[]} */
		let pieces = [];
		const reset = () => (pieces = [], onReset?.());
		const source = new EventSource(url);
		source.onerror = () => (source.readyState > 1 && (state ||= "poll"), news());
		source.addEventListener("output", (event) => (at = +event.lastEventId, pieces.push(JSON.parse(event.data)), news()));
		source.addEventListener("reset", reset);
		source.addEventListener("end", () => (state = "end", news()));
		signal?.addEventListener("abort", () => news(), over);
		try {
			while (state !== "end" || pieces.length) {
				signal?.throwIfAborted();
				if (pieces.length) yield pieces.shift();
				else if (state) {
					url.searchParams.set("from", `${at}`);
					const { body, pause } = await exchange(url, { headers: { Prefer: "wait=25" }, signal }, 1e9);
					if (body.reset) reset();
					at = body.next;
					pieces = body.items;
					if (body.complete) state = "end";
					else if (!pieces[0]) await sleep((pause || 2) + Math.random(), signal);
				} else await new Promise((resolve) => { news = () => resolve(0); });
			}
		} finally {
			over.abort();
			source.close();
		}
	}

	/** Fine if cancelled already: an answer may be lost. */
	async cancel() {
		try { this.#take((await exchange(this.#url("cancel"), { method: "POST" })).body); }
		catch (error) {
			this.#take((await exchange(this.#url("self"), {})).body);
			if (!this.document.cancel_requested) throw error;
		}
	}

	/** @param {JobDocument} document */
	#take(document) {
		if (this.final) return;
		this.document = document;
		this.#follow.onProgress?.(this);
	}

	/** Event stream, none in bfcache; polls if refused or silent for 5 s. */
	async #listen() {
		const { signal } = this.#follow, over = new AbortController();
		const source = new EventSource(this.#url("events"));
		const again = await new Promise((resolve, reject) => {
			const silence = setTimeout(resolve, 5000);
			for (const type of ["state", "progress"])
				source.addEventListener(type, ({ data }) => {
					clearTimeout(silence);
					this.#take(JSON.parse(data));
					if (this.final) resolve(0);
				});
			source.onerror = () => source.readyState > 1 && resolve(0);
			addEventListener("pagehide", () => source.close(), over);
			addEventListener("pageshow", () => resolve(1), over);
			signal?.addEventListener("abort", () => reject(signal.reason));
		}).finally(() => (over.abort(), source.close()));
		await (again ? this.#listen() : this.#poll());
	}

	/** Long polls; polls once that fails. */
	async #poll() {
		const { signal } = this.#follow;
		for (let wait = 25, etag = ""; !this.final; ) {
			try {
				const { body, pause, tag } = await exchange(this.#url("self"), { headers: { "If-None-Match": etag, Prefer: `wait=${wait}` }, signal }, wait ? 1 : 1e9);
				etag = tag;
				if (body) this.#take(body);
				if (!(body && wait) && !this.final) await sleep((pause || 2) + Math.random(), signal);
			} catch (error) {
				if (!wait || signal?.aborted) throw error;
				wait = 0;
			}
		}
	}
}

export class Sooner {
	#base;
	#token;
	#keys = new Map();

	/** @param {{base?: string, token?: () => string | Promise<string>}} [options] */
	constructor({ base = /.*(?=static\/.*sooner)/.exec(import.meta.url)?.[0] ?? "/", token = () => "" } = {}) {
		this.#base = new URL(base, import.meta.url);
		this.#token = token;
	}

	/** Equal submissions until 1 s after the answer share a key. @param {string} actor @param {object} params @param {Follow & {wait?: number, idempotencyKey?: string}} [options] */
	async submit(actor, params, { wait, idempotencyKey, ...follow } = {}) {
		const body = JSON.stringify(params), intent = actor + body;
		const key = idempotencyKey ?? this.#keys.get(intent) ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
		this.#keys.set(intent, key);
		const job = await this.#post("jobs/" + actor, { body, headers: { "Content-Type": "application/json", "Idempotency-Key": key, Prefer: wait == null ? "" : `wait=${wait}` }, signal: follow.signal });
		setTimeout(() => this.#keys.delete(intent), 1000);
		return new Job(job, this.#base, follow);
	}

	/** @param {string} url @param {Follow} [follow] */
	async resume(url, follow = {}) { return new Job((await exchange(new URL(url, this.#base), follow)).body, this.#base, follow); }

	/** @param {Blob} body @param {AbortSignal} [signal] @returns {Promise<{id: string}>} */
	upload(body, signal) { return this.#post("uploads", { body, signal }); }

	/** @param {string} path @param {RequestInit} init */
	async #post(path, init) {
		const token = await this.#token();
		return (await exchange(new URL(path, this.#base), { ...init, method: "POST", headers: { ...init.headers, ...(token && { Authorization: "Bearer " + token }) } })).body;
	}
}
