// The rich text editor, without what its own start-up puts into the page inline: an import map (the editor's hashed
// address stands on our tag instead) and a <style> (its rules are in admin.css).
const { address } = document.querySelector("script[data-address]").dataset
const editor = await import(address)

const OwnStyles = editor.Extension.create({
  name: "ownStyles",
  onBeforeCreate() { this.editor.options.injectCSS = false },
})

// The editor has no tables, and would write "Week 1" and "5 mg" of two cells as "Week 15 mg". A row becomes a line, its
// cells with a bar between them.
const RowsAsLines = editor.Extension.create({
  name: "rowsAsLines",
  transformPastedHTML(html) {
    const pasted = new DOMParser().parseFromString(html, "text/html")
    for (const block of pasted.querySelectorAll("td :is(p, div), th :is(p, div)")) block.replaceWith(...block.childNodes, " ")
    for (const row of pasted.querySelectorAll("tr")) {
      for (const cell of [...row.cells].slice(1)) cell.prepend(" | ")
    }
    for (const table of [...pasted.querySelectorAll("table")].reverse()) {
      const lines = [...table.querySelectorAll("caption, tr")].map((line) => {
        const paragraph = pasted.createElement("p")
        paragraph.append(...(line.cells ? [...line.cells] : [line]).flatMap((cell) => [...cell.childNodes]))
        return paragraph
      })
      table.replaceWith(...lines)
    }
    return pasted.body.innerHTML
  },
})

editor.initializeEditors((textarea) => {
  if (textarea.closest(".prose-editor")) return
  const { extensions } = JSON.parse(textarea.dataset.djangoProseEditorConfigurable)
  const chosen = Object.entries(extensions).map(([name, options]) =>
    typeof options === "object" ? editor[name].configure(options) : editor[name])
  const running = editor.createTextareaEditor(textarea, [...chosen, OwnStyles, RowsAsLines])
  textarea.dispatchEvent(new CustomEvent("prose-editor:ready", { detail: { editor: running, textarea }, bubbles: true }))
}, "[data-django-prose-editor-configurable]")
