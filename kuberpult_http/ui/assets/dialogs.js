// Buttons that open a dialog of the page; without scripts they are not there.

export function dialogs() {
  show();
  document.addEventListener("kuberpult:shown", show);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-opens]");
    if (button) document.getElementById(button.dataset.opens)?.showModal();
  });
}

function show() {
  for (const button of document.querySelectorAll("[data-opens][hidden]")) button.hidden = false;
}
