/* Browsers start no worker from a file: the search's worker then runs in a hidden frame. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      this.started = new Promise((resolve, reject) => {
        frame.addEventListener("load", () => {
          const inside = frame.contentWindow
          inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
          inside.importScripts = (...urls) => Promise.all(urls.map(one => this.load(inside.document, one)))
          this.load(inside.document, url).then(() => resolve(inside), reject)
        }, { once: true })
      })
      this.frame = frame
      document.body.append(frame)
    }

    load(page, url) {
      return new Promise((resolve, reject) => {
        const script = page.createElement("script")
        script.src = url
        script.onload = resolve
        script.onerror = reject
        page.body.append(script)
      })
    }

    postMessage(data) {
      this.started.then(inside => inside.dispatchEvent(new inside.MessageEvent("message", { data })))
    }

    terminate() {
      this.frame.remove()
    }
  }
}
