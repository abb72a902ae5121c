// The rich text editor, without what its own start-up puts into the page inline: an import map (the editor's hashed
// address stands on our tag instead) and a <style> (its rules are in admin.css).
const { address } = document.querySelector("script[data-address]").dataset
const editor = await import(address)

const OwnStyles = editor.Extension.create({
  name: "ownStyles",
  onBeforeCreate() { this.editor.options.injectCSS = false },
})

editor.initializeEditors((textarea) => {
  if (textarea.closest(".prose-editor")) return
  const { extensions } = JSON.parse(textarea.dataset.djangoProseEditorConfigurable)
  const chosen = Object.entries(extensions).map(([name, options]) =>
    typeof options === "object" ? editor[name].configure(options) : editor[name])
  const running = editor.createTextareaEditor(textarea, [...chosen, OwnStyles])
  textarea.dispatchEvent(new CustomEvent("prose-editor:ready", { detail: { editor: running, textarea }, bubbles: true }))
}, "[data-django-prose-editor-configurable]")
