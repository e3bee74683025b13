// Signing in and out.
import { h, put } from "../lib/dom.js";
import { fault } from "../lib/words.js";
import { call } from "./service.js";

/** The form that signs in; `why` is the reason why the last session ended. */
export function signIn(enter, why = "") {
	const input = h("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true, placeholder: "sooner_…", "aria-describedby": "key-hint key-fault" });
	const wrong = h("p", { id: "key-fault", class: "fault", role: "alert" }, why);
	const submit = async (event) => {
		event.preventDefault();
		try {
			await call("POST", "session", { key: input.value });
			enter();
		} catch (error) {
			input.setAttribute("aria-invalid", "true");
			put(wrong, fault(error).detail);
			input.focus();
		}
	};
	queueMicrotask(() => input.focus());
	return h("div", { class: "card sign-in" }, h("h1", {}, "Dashboard"),
		h("form", { onsubmit: submit }, h("div", { class: "field" }, h("label", { for: "key" }, "Admin key"), input, h("p", { id: "key-hint", class: "hint" }, "A key with scope admin. It is not kept: you are signed in for 12 hours, or until the key is revoked."), wrong), h("button", { class: "primary" }, "Sign in")));
}

/** Forgets the session. */
export const signOut = () => call("DELETE", "session");
