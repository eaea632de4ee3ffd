import { Copy } from './copy.js'

const byId = (id) => document.getElementById(id)
const cell = (text) => Object.assign(document.createElement('td'), { textContent: text })

const copy = new Copy({
  // The page is served by the same server; from another origin it needs CORS, which `hono/cors` adds.
  url: location.origin,
  namespace: new URLSearchParams(location.search).get('namespace') ?? 'prices',
  onChange(what) {
    byId('state').textContent = what.state
    if (what.event !== undefined) {
      const { state: _, ...told } = what
      byId('events').append(
        Object.assign(document.createElement('li'), { textContent: JSON.stringify(told) }),
      )
      // The last twenty are enough to look at.
      while (byId('events').children.length > 20) byId('events').firstChild.remove()
    }
    draw()
  },
})

function draw() {
  const rows = [...copy.values.keys()].sort().flatMap((key) => {
    const value = copy.get(key)
    if (value === undefined) return []
    const row = document.createElement('tr')
    row.append(cell(key), cell(JSON.stringify(value)))
    return [row]
  })
  byId('values').replaceChildren(...rows)
}

// What has expired leaves the table, too.
setInterval(draw, 1000)
void copy.follow()
