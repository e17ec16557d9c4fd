// Comfort only: every page works without this file.
"use strict";
for (const box of document.querySelectorAll("[data-copy]")) {
  const target = document.getElementById(box.dataset.copy);
  if (!target || !navigator.clipboard) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain small";
  button.textContent = box.dataset.label;
  const told = document.createElement("span");
  told.setAttribute("role", "status");
  told.className = "small soft";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(target.textContent.trim());
    told.textContent = box.dataset.done;
    setTimeout(() => { told.textContent = ""; }, 2500);
  });
  box.append(button, told);
}
