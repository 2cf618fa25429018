// Searches and filters the table of all tests. Without it, the table shows all of them. The address keeps what
// was chosen, so that it can be sent to others.
(() => {
  const all = document.getElementById('all')
  if (!all) return
  const box = all.closest('details'), bar = document.getElementById('filter'), shown = document.getElementById('shown')
  const search = document.getElementById('q'), order = document.getElementById('order'), least = document.getElementById('least')
  const body = all.tBodies[0], rows = [...body.rows]
  const tests = rows.map((row, at) => ({row, at, text: row.textContent.toLowerCase(), seconds: Number(row.dataset.seconds), data: row.dataset}))
  const selects = [...bar.querySelectorAll('select[data-key]')]
  for (const select of selects) {
    const values = new Set(tests.map(t => t.data[select.dataset.key]))
    values.delete('')
    for (const value of [...values].sort()) select.add(new Option(value, value))
    select.parentElement.hidden = values.size < 2
  }
  // Laying out ten thousand rows takes a browser a second; whoever wants them presses the button.
  const most = 500, more = document.getElementById('more')
  let ordered = '', whole = false
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), from = Number(least.value)
    if (order.value !== ordered) {
      ordered = order.value
      tests.sort((a, b) => (ordered === 'slowest' ? b.seconds - a.seconds : 0) || a.at - b.at)
      body.append(...tests.map(t => t.row))
    }
    let n = 0
    for (const t of tests) {
      const fits = t.seconds >= from && words.every(w => t.text.includes(w)) && selects.every(s => s.value === '' || s.value === t.data[s.dataset.key])
      if (fits) n++
      const hide = !fits || n > most && !whole
      if (t.row.hidden !== hide) t.row.hidden = hide
    }
    more.hidden = whole || n <= most
    shown.textContent = `${n} of ${tests.length} match` + (more.hidden ? '' : `, ${most} shown`)
  }
  const inputs = [search, order, least, ...selects], keyOf = input => input.dataset.key || input.id
  const keep = () => {
    const state = new URLSearchParams()
    for (const input of inputs) if (input.value) state.set(keyOf(input), input.value)
    history.replaceState(null, '', '#' + state)
    show()
  }
  const read = () => {
    const hash = location.hash.slice(1)
    if (!hash.includes('=')) {
      for (let at = document.getElementById(hash); at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true
      if (hash) document.getElementById(hash)?.scrollIntoView()
      return
    }
    const state = new URLSearchParams(hash)
    for (const input of inputs) {
      const value = state.get(keyOf(input)) ?? ''
      if (input.tagName !== 'SELECT' || [...input.options].some(o => o.value === value)) input.value = value
    }
    box.open = true
    show()
  }
  for (const input of inputs) input.addEventListener('input', keep)
  more.addEventListener('click', () => { whole = true; show() })
  addEventListener('hashchange', read)
  bar.hidden = false
  show()
  read()
})()
