// Names for widgets that come without one: the rich text editor and the search boxes of the admin are built by
// scripts that leave the form's own label behind. A screen reader would say "edit text" for each of them.
(() => {
  const labelOf = (id) => document.querySelector(`label[for="${CSS.escape(id)}"]`)
  const textOf = (label) => label.textContent.trim().replace(/:$/, "")
  const fieldOf = (element) =>
    element.closest(".prose-editor")?.querySelector("textarea") ?? element.closest(".related-widget-wrapper, .flex-container, .desk-target, div")?.querySelector("select, textarea")

  const name = () => {
    for (const editor of document.querySelectorAll(".ProseMirror:not([aria-label])")) {
      const field = fieldOf(editor)
      const label = field && labelOf(field.id)
      if (label) editor.setAttribute("aria-label", textOf(label))
    }
    for (const box of document.querySelectorAll(".select2-container:not([data-named])")) {
      const select = box.previousElementSibling
      const label = select?.id && labelOf(select.id)
      if (!label) continue
      box.dataset.named = ""
      for (const part of box.querySelectorAll("[role=combobox], [role=textbox], [role=searchbox]")) {
        part.setAttribute("aria-label", textOf(label))
        part.removeAttribute("aria-labelledby")
      }
    }
    for (const head of document.querySelectorAll("th.original:empty")) {
      head.innerHTML = '<span class="visually-hidden">#</span>'
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    name()
    new MutationObserver(name).observe(document.body, { childList: true, subtree: true })
  })
})()
