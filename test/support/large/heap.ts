/** What a process that was started with `--inspect=127.0.0.1:PORT` holds after a collection, MiB. */
export async function heapAfterCollection(port: number): Promise<number> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as readonly { readonly webSocketDebuggerUrl: string }[]
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '')
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  let id = 0
  const call = (method: string): Promise<{ readonly usedSize?: number }> => {
    id += 1
    const mine = id
    return new Promise(resolve => {
      const listen = (message: MessageEvent): void => {
        const answer = JSON.parse(String(message.data)) as { readonly id?: number; readonly result?: { readonly usedSize?: number } }
        if (answer.id !== mine) return
        socket.removeEventListener('message', listen)
        resolve(answer.result ?? {})
      }
      socket.addEventListener('message', listen)
      socket.send(JSON.stringify({ id: mine, method }))
    })
  }
  try {
    await call('HeapProfiler.collectGarbage')
    await call('HeapProfiler.collectGarbage')
    return ((await call('Runtime.getHeapUsage')).usedSize ?? Number.NaN) / 2 ** 20
  } finally {
    socket.close()
  }
}
