/* Speed and keys on top of pages that work without it. */
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (name, act, early) => document.addEventListener(name, act, early);
const say = (text) => { one("#announce").textContent = text; };
const keysOn = () => document.body.dataset.keys === "on";
const listAddress = location.pathname === "/exceptions/" ? location.href : "/exceptions/";

/* Rows: real focus sits on the row's link, the class only shows it. */
const rows = () => all("#rows tr");
const current = () => one("#rows tr.is-current");
const link = (row) => one("a", row);
const show = (row) => {
  current()?.classList.remove("is-current");
  row?.classList.add("is-current");
};
const goTo = (row) => {
  if (!row) return;
  show(row);
  link(row)?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
};
const step = (by) => {
  const list = rows();
  const at = list.indexOf(current());
  goTo(list[Math.max(0, Math.min(list.length - 1, at < 0 ? 0 : at + by))]);
};
on("focusin", (event) => {
  const row = event.target.closest("#rows tr");
  if (row) show(row);
});

/* Ticks: by hand, by X, by range. */
const boxes = () => all("#rows input");
let ticked = null;
const tell = () => { one("#ticked").textContent = `${boxes().filter((box) => box.checked).length} selected`; };
const tickTo = (box, isRange) => {
  const list = boxes();
  const [from, to] = [list.indexOf(ticked), list.indexOf(box)].sort((a, b) => a - b);
  if (isRange && from >= 0) list.slice(from, to + 1).forEach((each) => { each.checked = box.checked; });
  ticked = box;
  tell();
};
const tickRow = (isRange) => {
  const box = current() && one("input", current());
  if (!box) return;
  box.checked = isRange || !box.checked;
  tickTo(box, isRange);
};
on("click", ({ target, shiftKey }) => {
  if (target.matches("#rows input")) tickTo(target, shiftKey);
  if (target.id !== "tick-page") return;
  boxes().forEach((box) => { box.checked = target.checked; });
  tell();
});

/* The panel. */
const panel = () => one(".panel");
const closePanel = () => {
  const open = one("section#panel");
  if (!open) return false;
  open.outerHTML = '<div id="panel" hidden></div>';
  history.pushState({ htmx: true }, "", listAddress);
  goTo(current() || rows()[0]);
  return true;
};
on("click", (event) => {
  const target = event.target.closest("[data-close-panel], [data-close], [data-dialog]");
  if (!target || event.ctrlKey || event.metaKey) return;
  if ("closePanel" in target.dataset) { if (closePanel()) event.preventDefault(); }
  else if ("close" in target.dataset) target.closest("[data-toast]").remove();
  else { event.preventDefault(); dialog(target.href); }
});
on("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("#rows .what a")) opened = "title";
}, true);
let opened = "";
on("htmx:beforeRequest", (event) => {
  const { elt, target } = event.detail;
  if (document.hidden && elt.hasAttribute("hx-trigger") && !elt.matches("input")) event.preventDefault();
  /* On a narrow screen the panel is a page of its own. */
  if (target?.id === "panel" && elt.href && matchMedia("(max-width: 72rem)").matches) {
    event.preventDefault();
    location.assign(elt.href);
    return;
  }
  if (elt.matches("[href*=repairs]")) opened = "run";
  const row = elt.closest("#rows tr");
  if (row) show(row);
  event.detail.elt.setAttribute("aria-busy", "true");
});
on("htmx:afterRequest", (event) => event.detail.elt.removeAttribute("aria-busy"));
on("htmx:afterSettle", (event) => {
  tick();
  const into = event.detail.target;
  const alert = one("[role=alert]", into);
  if (alert && event.detail.xhr.status >= 400) { say(alert.textContent.trim()); focusFirstInvalid(into); }
  if (!opened || !panel()) return;
  const focus = opened === "run" ? one("#run-repair, #repair-reason", panel()) : null;
  if (focus) focus.focus();
  else one("#panel-title")?.focus({ preventScroll: true });
  opened = "";
});
/* Live: cells change, but never the one in use. */
on("htmx:configRequest", ({ detail }) => {
  if (detail.elt.id === "live") detail.parameters.shown = rows().map((row) => row.id.slice(5)).join();
});
on("htmx:oobBeforeSwap", ({ detail }) => {
  if (detail.target.matches("td") && detail.target.contains(document.activeElement)) detail.shouldSwap = false;
});
on("htmx:afterRequest", ({ detail }) => {
  const box = detail.successful && one("[data-draft]", detail.elt);
  if (box) sessionStorage.removeItem(`draft-${box.dataset.draft}`);
  if (detail.elt.id === "live") all("span", detail.elt).forEach((span, at) => { span.hidden = detail.successful === Boolean(at); });
});
const focusFirstInvalid = (root) => one("[aria-invalid=true]", root)?.focus();

/* After an action: on to the next row. */
on("worked", (event) => {
  const row = one(`#case-${Number(event.detail.case)}`);
  if (row) goTo(row.nextElementSibling || row.previousElementSibling || row);
  else one("#work-next, #panel-title")?.focus();
  watchToasts();
});
on("problem", (event) => toast(event.detail.text));
const toast = (text, again) => {
  const box = document.createElement("div");
  box.className = "toast";
  box.dataset.toast = "stay";
  box.innerHTML = '<span></span><button class="button button--small" type="button"></button>';
  const [words, button] = box.children;
  words.textContent = text;
  button.textContent = again ? "Try again" : "Close";
  button.addEventListener("click", () => { box.remove(); again?.(); });
  one("#toasts").append(box);
  say(text);
};
const LOST = "That did not reach the server. Nothing changed.";
const dialog = (href) => import("./dialog.js").then((made) => made.open(href)).catch(() => toast(LOST));
const lost = (event) => {
  const elt = event.detail.elt;
  if (event.detail.xhr?.status && event.detail.xhr.status < 500) return;
  if (elt.matches("[hx-trigger^=every]")) return;
  const again = () => (elt.matches("form") ? elt.requestSubmit() : elt.click());
  toast(LOST, elt.isConnected ? again : null);
};
on("htmx:sendError", lost);
on("htmx:responseError", lost);
const watchToasts = () => all("[data-toast='']").forEach((box) => {
  if (box.dataset.watched) return;
  box.dataset.watched = "yes";
  const leave = () => {
    if (box.matches(":hover, :focus-within")) setTimeout(leave, 4000);
    else box.remove();
  };
  setTimeout(leave, 12000);
});

/* Times tick only where the server's words agree with ours. */
const words = (due) => {
  const minutes = Math.floor(Math.abs(due - Date.now()) / 60000);
  const days = Math.floor(minutes / 1440), hours = Math.floor((minutes % 1440) / 60);
  const parts = [[days, "d"], [hours, "h"], [minutes % 60, "min"]].filter(([number]) => number);
  const text = parts.slice(0, 2).map((part) => part.join(" ")).join(" ") || "0 min";
  return `${text} ${due > Date.now() ? "left" : "over"}`;
};
const tick = () => all("time.pill").forEach((time) => {
  const due = Date.parse(time.dateTime);
  if (!time.dataset.known) time.dataset.known = words(due) === time.textContent.trim() ? "yes" : "no";
  if (time.dataset.known === "yes") time.lastChild.data = words(due);
});
setInterval(tick, 30000);

/* Drafts outlive a sign-out. */
on("input", (event) => {
  const id = event.target.dataset.draft;
  if (id) sessionStorage.setItem(`draft-${id}`, event.target.value);
});
on("toggle", (event) => {
  const details = event.target;
  if (!details.open || !details.matches?.(".action, .menu")) return;
  const box = one("[data-draft]", details);
  if (box && !box.value) box.value = sessionStorage.getItem(`draft-${box.dataset.draft}`) || "";
  one("select, input:not([type=hidden]), textarea", details)?.focus();
}, true);

/* Keys: never in a field, never with Ctrl or Alt, only if wanted. */
const isTyping = (target) => target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
const press = (selector) => {
  const found = one(selector);
  if (!found) return false;
  found.click();
  return true;
};
const openForm = (verb) => {
  const found = one(`#act-${verb}`);
  if (found) found.open = true;
  else if (current()) { link(current()).click(); waiting = verb; }
  return Boolean(found || current());
};
let waiting = "";
on("htmx:afterSettle", () => {
  if (!waiting || !panel()) return;
  const found = one(`#act-${waiting}`) || null;
  if (found) found.open = true; else press(`#do-${waiting}`);
  waiting = "";
});
const repair = () => {
  const run = one("#run-repair");
  if (run && document.activeElement === run) return press("#run-repair");
  if (run && (!current() || `case-${panel()?.dataset.case}` === current().id)) { run.focus(); return true; }
  const offer = current() && one("[href*=repairs]", current());
  if (offer) offer.click();
  return Boolean(offer);
};
const claim = () => press("#do-claim") || openForm("claim");
/* What is seldom pressed comes when it is. */
const rare = (act) => import("./keys.js").then((rarely) => rarely[act]()).catch(() => toast(LOST));
const keys = {
  j: () => step(1), k: () => step(-1), ArrowDown: () => inRows() && step(1), ArrowUp: () => inRows() && step(-1),
  r: repair, i: claim, a: () => openForm("assign"), h: () => openForm("snooze"), "!": () => openForm("escalate"),
  m: () => openForm("comment"), d: () => openForm("merge"), z: () => rare("undo"), o: () => rare("order"), x: () => tickRow(false), X: () => tickRow(true),
  "/": () => one("#q")?.focus(), ".": () => press("#newer"), "[": () => rare("before"), "]": () => rare("after"),
  "?": () => dialog("/keys/"), g: () => { going = Date.now(); },
};
const inRows = () => document.activeElement?.closest("#rows");
let going = 0;
on("keydown", (event) => {
  if (event.ctrlKey || event.metaKey) {
    if (event.key === "Enter") event.target.form?.requestSubmit();
    if (event.key === "k") { event.preventDefault(); dialog("/go/"); }
    return;
  }
  if (event.key === "Escape" && !one("dialog[open]")) {
    const menu = event.target.closest("details[open]");
    if (menu) { menu.open = false; one("summary", menu).focus(); }
    else if (isTyping(event.target)) event.target.blur();
    else if (one(".bulk :checked")) press("#untick");
    else closePanel();
    return;
  }
  if (event.altKey || !keysOn() || isTyping(event.target) || one("dialog[open]")) return;
  if (Date.now() - going < 1500) {
    going = 0;
    if (press(`[data-go="${CSS.escape(event.key)}"]`)) event.preventDefault();
    return;
  }
  const act = keys[event.key] || (() => press(`[data-key="${CSS.escape(event.key)}"]`));
  if (event.key.startsWith("Arrow") && !inRows()) return;
  if (act() !== false) event.preventDefault();
});

/* The filter menu offers what the chosen field takes. */
const field = one("#filter-field");
const offers = all("#filter-values option");
/* What repeats from option to option is said once. */
const carry = (options, name) => options.reduce((last, option) => (option.dataset[name] ||= last), "");
carry(offers, "field");
const narrow = () => {
  const chosen = field.selectedOptions[0];
  const takes = chosen.dataset.operators.split(" ");
  all("#filter-operator option").forEach((option) => { option.hidden = option.disabled = !takes.includes(option.value); });
  one("#filter-operator").value = takes[0];
  one("#filter-values").replaceChildren(...offers.filter((option) => option.dataset.field === chosen.value));
  one("#filter-value").value = "";
};
if (field) { carry([...field.options], "operators"); field.addEventListener("change", narrow); narrow(); }

one(".rail [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
all("[data-tick-page]").forEach((button) => { button.hidden = false; });
document.documentElement.dataset.ready = "yes";
watchToasts();
tick();
