/**
 * The picture of what a month costs: a bar for each way, on a logarithmic scale.
 *
 * @module
 */
import { totalOf, type Bill } from './bill.ts'
import { dollars, grouped, WAYS } from './report.ts'

const [WIDTH, LEFT, RIGHT, TOP] = [760, 190, 210, 56]
const [BAR, GAP, BETWEEN] = [22, 8, 34]
/** What is drawn of the scale: powers of ten of dollars. */
const [LEAST, MOST] = [10, 1_000_000]

/** An SVG that is readable on light and on dark ground. */
export function pictureOf(bills: readonly Bill[]): string {
  const groups = [...new Set(bills.map(({ isolates }) => isolates))]
  const each = Object.keys(WAYS).length * (BAR + GAP)
  const height = TOP + groups.length * (each + BETWEEN) + 30
  const body = groups.flatMap((isolates, nth) => {
    const y = TOP + nth * (each + BETWEEN)
    const bars = bills.filter((bill) => bill.isolates === isolates)
    return [
      `<text class="head" x="12" y="${y + 6}">${grouped(isolates)} isolates</text>`,
      ...bars.map((bill, at) => barOf(bill, y + 16 + at * (BAR + GAP))),
    ]
  })
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${spoken(bills)}">`,
    '<style>',
    'text{font:14px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600}.small{font-size:12px;fill:#59636e}',
    'line{stroke:#d1d9e0}.direct{fill:#cf222e}.tail{fill:#bf8700}.store,.gateway{fill:#1a7f37}',
    '@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}line{stroke:#3d444d}.direct{fill:#f85149}.tail{fill:#d29922}.store,.gateway{fill:#3fb950}}',
    '</style>',
    '<text class="head" x="12" y="22">What a month costs</text>',
    `<text class="small" x="${LEFT}" y="22">US dollars, on a logarithmic scale; beside each bar requests a second at the origin</text>`,
    ...axis(height),
    ...body,
    '</svg>',
  ].join('\n')}\n`
}

const xOf = (value: number): number => {
  const part = Math.log(Math.max(LEAST, value) / LEAST) / Math.log(MOST / LEAST)
  return Math.round(LEFT + part * (WIDTH - LEFT - RIGHT))
}

function axis(height: number): string[] {
  const powers = Array.from({ length: Math.log10(MOST / LEAST) + 1 }, (_, at) => LEAST * 10 ** at)
  return powers.map((value) => {
    const x = xOf(value)
    const label = `<text class="small" x="${x}" y="${height - 8}" text-anchor="middle">${dollars(value)}</text>`
    return `<line x1="${x}" x2="${x}" y1="${TOP - 16}" y2="${height - 24}"/>${label}`
  })
}

function barOf(bill: Bill, y: number): string {
  const end = xOf(totalOf(bill))
  const base = y + BAR - 6
  const says = `${dollars(totalOf(bill))} · ${grouped(bill.origin)} / s`
  return [
    `<text x="${LEFT - 10}" y="${base}" text-anchor="end">${WAYS[bill.way]}</text>`,
    `<rect class="${bill.way}" x="${LEFT}" y="${y}" width="${Math.max(2, end - LEFT)}" height="${BAR}" rx="3"/>`,
    `<text x="${end + 8}" y="${base}">${says}</text>`,
  ].join('')
}

const spoken = (bills: readonly Bill[]): string =>
  `What a month costs. ${bills
    .map((bill) => `${grouped(bill.isolates)} isolates, ${WAYS[bill.way]}: ${dollars(totalOf(bill))}`)
    .join('; ')}.`
