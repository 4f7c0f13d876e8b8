import { describe, expect, it } from 'vitest'
import { createDecoder } from '../decode/decoder.ts'
import { explainRoutes } from './explain.ts'

const app = explainRoutes({ createDecoder: () => createDecoder() })

async function ask(body: unknown): Promise<{ status: number; json: unknown }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await app.request('/explain', { method: 'POST', body: text })
  return { status: response.status, json: await response.json() }
}

describe('POST /explain', () => {
  it('a row a field, with unit and time where there are any', async () => {
    const payload = '{"temperature_C":21.5,"count":9007199254740993,"ts":1763800000123}'
    const row = {
      device: 'n1',
      measurement: 'reading',
      tags: { topic: 'lab/n1/state' },
      time: '2025-11-22T08:26:40.123Z',
    }
    expect(await ask({ topic: 'lab/n1/state', payload })).toEqual({
      status: 200,
      json: {
        by: 'general',
        readings: [
          { ...row, field: 'temperature_C', value: 21.5, unit: '°C' },
          { ...row, field: 'count', value: '9007199254740993' },
        ],
      },
    })
  })

  it('the reason, where there is no reading', async () => {
    expect((await ask({ topic: 'lab/n1/set', payload: '1' })).json).toEqual({
      ignored: true,
      reason: 'command',
      by: 'general',
    })
    expect((await ask({ topic: 'lab/n1/x', payloadBase64: 'AAA=' })).json).toMatchObject({
      rejected: true,
      by: 'general',
    })
  })

  it('a sequence goes through one fresh decoder, in order', async () => {
    const unit = { topic: 'homie/b/tank/temp/$unit', payload: '°C', retain: true }
    const value = { topic: 'homie/b/tank/temp', payload: '61.5' }
    const { json } = await ask({ messages: [unit, value] })
    expect(json).toMatchObject({ results: [{ ignored: true }, { readings: [{ unit: '°C', time: null }] }] })
    expect((await ask({ messages: [value] })).json).not.toMatchObject({
      results: [{ readings: [{ unit: '°C' }] }],
    })
  })

  it.each([
    ['{"topic":', 400, 'not-json'],
    [{ payload: '1' }, 400, 'bad-request'],
    [{ topic: 'a/#', payload: '1' }, 400, 'bad-request'],
    [{ topic: 'a', payload: '1', payloadBase64: 'MQ==' }, 400, 'bad-request'],
    [{ topic: 'a', payload: 'x'.repeat(4 * 1024 * 1024) }, 413, 'body-too-large'],
  ])('answers mistakes with their code (%#)', async (body, status, code) => {
    expect(await ask(body)).toMatchObject({ status, json: { status, code } })
  })
})
