import t from 'tap'
import { shared } from '../../../src/base/coalesce.ts'

t.test('who asks while a question is under way gets the next answer, and shares it', async t => {
  const asked: { readonly resolve: (answer: string) => void; readonly reject: (cause: unknown) => void }[] = []
  const ask = shared(() => new Promise<string>((resolve, reject) => asked.push({ resolve, reject })))
  const first = ask()
  const [second, third] = [ask(), ask()]
  t.equal(asked.length, 1, 'one at a time')
  asked[0]?.resolve('older than the second question')
  t.equal(await first, 'older than the second question')
  await new Promise(resolve => setImmediate(resolve))
  t.equal(asked.length, 2)
  asked[1]?.resolve('asked after both')
  t.same(await Promise.all([second, third]), ['asked after both', 'asked after both'])

  const failing = ask()
  const after = ask()
  asked[2]?.reject(new Error('away'))
  await t.rejects(failing, /away/)
  await new Promise(resolve => setImmediate(resolve))
  asked[3]?.resolve('back')
  t.equal(await after, 'back', 'a failure is its own only')
})
