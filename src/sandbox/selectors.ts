/** Whether labels satisfy a label selector in the API's own syntax: `a=b,c!=d,e in (f,g),h,!i`. */
export function matchesSelector(selector: string, labels: Readonly<Record<string, string>>): boolean {
  return splitSelector(selector).every(part => {
    const set = /^([^\s!=]+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(part)
    if (set !== null) {
      const [, key = '', operator, list = ''] = set
      const has =
        Object.hasOwn(labels, key) &&
        list
          .split(',')
          .map(value => value.trim())
          .includes(labels[key] ?? '')
      return operator === 'in' ? has : !has
    }
    const equal = /^([^\s!=]+)\s*(==|=|!=)\s*(.*)$/.exec(part)
    if (equal !== null) {
      const [, key = '', operator, value = ''] = equal
      const is = Object.hasOwn(labels, key) && labels[key] === value
      return operator === '!=' ? !is : is
    }
    return part.startsWith('!') ? !Object.hasOwn(labels, part.slice(1)) : Object.hasOwn(labels, part)
  })
}

function splitSelector(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map(part => part.trim())
    .filter(part => part !== '')
}
