import t from 'tap'
import { ExpiryQueue } from '../../../src/store/expiry-queue.js'
import { seeded } from '../../support/random.js'

t.test('what ends first comes out first, whatever was added, replaced and compacted between', t => {
  const random = seeded(14)
  const gone = new Set<object>()
  const queue = new ExpiryQueue<{ readonly expiresAt: number }>(entry => gone.has(entry))
  let model: { readonly expiresAt: number }[] = []
  for (let step = 0; step < 5_000; step++) {
    const dice = random()
    if (dice < 0.5) {
      const entry = { expiresAt: Math.floor(random() * 500) }
      model.push(entry)
      queue.add(entry)
    } else if (dice < 0.6) {
      const entry = model[Math.floor(random() * model.length)]
      if (entry !== undefined) gone.add(entry)
      model = model.filter(one => one !== entry)
    } else if (dice < 0.62) {
      queue.compact()
      if (queue.size !== model.length) t.fail(`compacted to ${queue.size} of ${model.length}`)
    } else {
      const entry = queue.take()
      const soonest = Math.min(...model.map(({ expiresAt }) => expiresAt))
      if ((entry?.expiresAt ?? Number.POSITIVE_INFINITY) !== soonest)
        t.fail(`${entry?.expiresAt} instead of ${soonest}`)
      model = model.filter(one => one !== entry)
    }
  }
  t.equal(queue.first()?.expiresAt, model.length === 0 ? undefined : Math.min(...model.map(one => one.expiresAt)))
  t.end()
})
