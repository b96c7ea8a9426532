// Shows the buttons that copy a citation, where a browser lets a page do that.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copies]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.copies).textContent.trim();
      const told = document.getElementById("copied");
      try {
        await navigator.clipboard.writeText(text);
        told.textContent = "Copied.";
        button.classList.add("done");
      } catch {
        told.textContent = "The browser did not let it be copied: select the text instead.";
      }
    });
  }
}
