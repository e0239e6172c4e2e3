// Puts the cursor into the box for the key when the dialog opens.
new MutationObserver(() => {
  const box = document.querySelector(".dialog-ux .auth-container input");
  if (box && !box.dataset.focused) {
    box.dataset.focused = "once";
    box.focus();
  }
}).observe(document.documentElement, { childList: true, subtree: true });
