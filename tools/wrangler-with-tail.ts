/**
 * `wrangler.toml` as an operator changes it for the tail in a Durable Object: what is commented out there, taken in at the top and in
 * every environment.
 *
 * @module
 */
const VARIABLE = '# TAIL = "durable-object"\n'
const BLOCK = /^# \[\[durable_objects\.bindings\]\]\n(?:#.*\n)+/m

/**
 * @param main what stands for `main`, from where the text will lie
 * @throws Error where the file no longer has what is to be taken in
 */
export function withTail(text: string, environments: readonly string[], main: string): string {
  const block = BLOCK.exec(text)?.[0]
  if (block === undefined || !text.includes(VARIABLE)) throw new Error('wrangler.toml has no tail to take in')
  const taken = block.replaceAll(/^# ?/gm, '')
  const [binding = ''] = taken.split('\n\n')
  const variable = VARIABLE.slice('# '.length)
  const top = text
    .replace(block, taken)
    .replace(VARIABLE, variable)
    .replace(/^main = .*$/m, `main = "${main}"`)
  return environments.reduce(
    (made, name) =>
      made.replace(
        `[env.${name}.vars]\n`,
        `${binding.replace('[[', `[[env.${name}.`)}\n\n[env.${name}.vars]\n${variable}`,
      ),
    top,
  )
}
