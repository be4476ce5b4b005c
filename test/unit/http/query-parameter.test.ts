import fc from 'fast-check'
import t from 'tap'
import { editParameter, parameterValues, setParameter } from '../../../src/http/query-parameter.js'
import { holds } from '../../support/property.js'

t.test('a parameter is set where it was, or at the end, and nothing else changes', t => {
  const rows: [string, string][] = [
    ['/', '/?key=T%26%2B%C3%A9'],
    ['/p?', '/p?key=T%26%2B%C3%A9'],
    ['/p?a=1', '/p?a=1&key=T%26%2B%C3%A9'],
    ['/p?a=1&', '/p?a=1&key=T%26%2B%C3%A9'],
    ['/p?key=old', '/p?key=T%26%2B%C3%A9'],
    ['/p?key=old&', '/p?key=T%26%2B%C3%A9&'],
    ['/p?key', '/p?key=T%26%2B%C3%A9'],
    ['/p?key=', '/p?key=T%26%2B%C3%A9'],
    ['/p?a=%2f%zz&key=old=er&b=c+d&&;', '/p?a=%2f%zz&key=T%26%2B%C3%A9&b=c+d&&;'],
    ['/p?key=1&a=2&key=3', '/p?key=T%26%2B%C3%A9&a=2'],
    ['/p?a=2&k%65y=1&key=3', '/p?a=2&key=T%26%2B%C3%A9'],
    ['/p?Key=1&keys=2&akey=3', '/p?Key=1&keys=2&akey=3&key=T%26%2B%C3%A9'],
    ['/key=1/?b', '/key=1/?b&key=T%26%2B%C3%A9'],
    ['/p?a?key=1', '/p?a?key=1&key=T%26%2B%C3%A9'],
  ]
  for (const [path, expected] of rows) t.equal(setParameter(path, 'key', 'T&+é'), expected, path)
  t.equal(setParameter('/p?a+b=1&c=$&', 'a b', '$&'), '/p?a%20b=%24%26&c=$&')
  t.end()
})

t.test('the values of a parameter are read as a server would', t => {
  const rows: [string, string[]][] = [
    ['/p', []],
    ['/p?a=key=1', []],
    ['/p?key', ['']],
    ['/p?key=a+b%20c&k%65%79=%e2%82%ac&KEY=x&key=1=2', ['a b c', '€', '1=2']],
    ['/p?key=%&key=%zz&key=%4', ['%', '%zz', '%4']],
  ]
  for (const [path, values] of rows) t.same(parameterValues(path, 'key'), values, path)
  t.end()
})

t.test('only the values that are edited change', t => {
  const path = '/p?key=a%20b&x=%zz&k%65y=c&key='
  t.equal(
    editParameter(path, 'key', value => (value === 'c' ? 'd e' : undefined)),
    '/p?key=a%20b&x=%zz&key=d%20e&key=',
  )
  t.equal(
    editParameter(path, 'other', () => 'x'),
    path,
  )
  t.equal(
    editParameter('/p', 'key', () => 'x'),
    '/p',
  )
  t.end()
})

const query = fc.string({ unit: fc.constantFrom(...'abk&&==%+25;?/'), maxLength: 24 })
const value = fc.string({ unit: 'binary', maxLength: 12 }).filter(text => !/\p{Cs}/u.test(text))

t.test('a parameter that was set is there once, the URL class agrees, and the others are as before', t => {
  const property = fc.property(query, fc.constantFrom('k', 'ab', 'k%', 'a b'), value, (before, name, set) => {
    const path = setParameter(`/p?${before}`, name, set)
    const others = (text: string) => text.split('&').filter(pair => parameterValues(`/?${pair}`, name).length === 0)
    const [old, now] = [others(before), others(path.slice(3))]
    const added = old.at(-1) === '' && now.length < old.length ? old.slice(0, -1) : old
    const parsed = new URL(path, 'http://h').searchParams.getAll(name)
    return parsed.length === 1 && parsed[0] === set && now.join('&') === added.join('&')
  })
  holds(t, property, 3_000)
  t.end()
})
