/* What some keys do; loaded when one of them is pressed. */
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];

const view = (by) => {
  const tabs = all(".tabs a");
  tabs[tabs.findIndex((tab) => tab.hasAttribute("aria-current")) + by]?.click();
};
export const before = () => view(-1);
export const after = () => view(1);

export const undo = () => all("[data-undo] button").at(-1)?.click();

/* The order of the panel, else of the row in use. */
export const order = () => {
  const row = one("#rows tr.is-current");
  const name = row && (row.dataset.order || one("small", row).textContent.split(" · ")[0]);
  const address = one("#panel-order")?.href || (name && name[0] !== "#" && `/orders/${encodeURIComponent(name)}/`);
  if (address) location.assign(address);
};
