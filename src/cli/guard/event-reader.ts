/**
 * Reads server-sent events line by line. Hands over the data of each event; a comment only shows that the server lives.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function eventReader(parts: { readonly event: (data: string) => void; readonly comment: () => void }): (line: string) => void {
  let data: string[] = []
  return raw => {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (line === '') {
      if (data.length > 0) parts.event(data.join('\n'))
      data = []
    } else if (line.startsWith(':')) parts.comment()
    else if (line.startsWith('data:')) data.push(line.slice(line.startsWith('data: ') ? 6 : 5))
  }
}
