/* Pages that open over the one at hand: the command menu, the list of keys. Loaded when asked for. */
const one = (selector, root = document) => root.querySelector(selector);
const problem = (text) => document.dispatchEvent(new CustomEvent("problem", { detail: { text } }));

const make = () => {
  const made = document.createElement("dialog");
  made.id = "dialog";
  made.setAttribute("aria-labelledby", "dialog-title");
  made.addEventListener("close", () => made.replaceChildren());
  made.addEventListener("keydown", steer);
  made.addEventListener("click", act);
  made.addEventListener("htmx:afterSettle", goOn);
  document.body.append(made);
  return made;
};

/* The exception that is open, else the one whose row is in use. */
const openCase = () => one(".panel")?.dataset.case || one("#rows .is-current")?.id.slice(5) || "";

const withCase = (href) => {
  const address = new URL(href, location.href);
  if (address.pathname === "/go/" && openCase()) address.searchParams.set("case", openCase());
  return address;
};

const style = (href) => {
  if (!href || one(`link[href="${href}"]`)) return;
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href });
  document.head.append(link);
};

export const open = async (href) => {
  if (one("#go-q") && !one("dialog[open]")) return one("#go-q").focus();
  const box = one("#dialog") || make();
  if (box.open) return undefined;
  const answer = await fetch(withCase(href), { headers: { "HX-Request": "true", "HX-Target": "dialog" } });
  const elsewhere = answer.headers.get("HX-Redirect");
  if (elsewhere) return location.assign(elsewhere);
  if (!answer.ok) return problem("That could not be shown. Nothing changed.");
  box.innerHTML = await answer.text();
  style(one("[data-sheet]", box)?.dataset.sheet);
  window.htmx.process(box);
  if (!box.open) box.showModal();
  one("#go-q", box)?.select();
  return undefined;
};

/* Arrows walk through what is found, and any letter goes back to the field. */
const hits = () => [...one("#dialog").querySelectorAll("#go-q, .go__hit")];
let hurried = false;
const steer = (event) => {
  const field = one("#go-q", one("#dialog"));
  if (!field) return;
  const list = hits();
  const at = list.indexOf(document.activeElement);
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by) {
    event.preventDefault();
    list[(at + by + list.length) % list.length].focus();
  } else if (event.key === "Enter" && event.target === field) {
    event.preventDefault();
    hurried = true;
    goOn();
  } else if (event.key.length === 1 && at > 0 && event.key !== " " && !event.ctrlKey && !event.metaKey) {
    field.focus();
  }
};

/* Enter takes the first that was found, once what was typed is what was asked. */
const goOn = () => {
  const field = one("#go-q", one("#dialog"));
  if (!hurried || one("#go-found")?.dataset.asked !== field?.value.trim()) return;
  hurried = false;
  hits()[1]?.click();
};

/* Where the page itself has the form, it is that which opens. */
const act = (event) => {
  const hit = event.target.closest("[data-act]");
  if (!hit) return;
  const address = hit.form?.action || hit.href;
  if (!one(".panel") || !new URL(address).pathname.startsWith(`/exceptions/${one(".panel").dataset.case}/`)) return;
  const form = one(`#act-${hit.dataset.act}`);
  const button = one(`#do-${hit.dataset.act}`);
  if (!form && !button) return;
  event.preventDefault();
  one("#dialog").close();
  if (form) form.open = true;
  else button.click();
};
