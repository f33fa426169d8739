/** One instruction, its flags (`--from=build`) apart. */
export interface Instruction {
  readonly op: string
  readonly flags: Readonly<Record<string, string>>
  readonly text: string
}

export interface BuildStage {
  readonly name: string
  readonly from: string
  readonly instructions: readonly Instruction[]
}

const KNOWN = new Set('ARG COPY RUN ENV WORKDIR USER ENTRYPOINT CMD HEALTHCHECK EXPOSE VOLUME LABEL STOPSIGNAL'.split(' '))

/** Reads a Dockerfile as far as ours goes. @throws for an instruction that the tests could not carry out. */
export function parseDockerfile(text: string): readonly BuildStage[] {
  const lines = text
    .split('\n')
    .filter(line => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  const global: Record<string, string> = {}
  const stages: { name: string; from: string; instructions: Instruction[] }[] = []
  for (const line of lines) {
    const [, op = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? []
    const current = stages.at(-1)
    if (op === 'FROM') {
      const [image = '', , name] = rest.split(/\s+/)
      stages.push({ name: name ?? String(stages.length), from: expand(image, global), instructions: [] })
    } else if (current === undefined) {
      const [name = '', value = ''] = rest.split('=')
      if (op !== 'ARG') throw new Error(`${op} before the first FROM`)
      global[name] = value
    } else {
      if (!KNOWN.has(op)) throw new Error(`the container test cannot carry out ${op}: teach it, or do without`)
      const flags: Record<string, string> = {}
      const body = rest.replaceAll(/^--([a-z-]+)=(\S+)\s+/g, (_, flag: string, value: string) => {
        flags[flag] = value
        return ''
      })
      current.instructions.push({ op, flags, text: body })
    }
  }
  return stages
}

/** `$NAME` and `${NAME}`; what is not known stays, for the shell to expand. */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\$\{(\w+)\}|\$(\w+)/g,
    (whole, braced: string | undefined, plain: string | undefined) => values[braced ?? plain ?? ''] ?? whole
  )
}

/** `A=1 B="two words"`. */
export function assignments(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(/([\w.]+)=("[^"]*"|\S+)/g)].map(([, name = '', value = '']) => [name, value.replace(/^"(.*)"$/, '$1')])
  )
}
