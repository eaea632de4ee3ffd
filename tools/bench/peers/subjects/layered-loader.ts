/** @module */
import { AbstractNotificationConsumer, GroupLoader, Loader } from 'layered-loader/core'
import type { NotificationPublisher } from 'layered-loader/core'
import { Hub } from '../hub.ts'
import type { HubClient } from '../hub.ts'
import { TAG, TTL_MS, turns } from '../subject.ts'
import type { Load, Process, Subject } from '../subject.ts'

const CHANNEL = 'rows'
const MEMORY = { cacheType: 'lru-object', maxItems: 100, ttlInMsecs: TTL_MS } as const

type Message =
  | { readonly action: 'delete'; readonly keys: string[] }
  | { readonly action: 'set'; readonly key: string; readonly value: string | null }
  | { readonly action: 'clear' }

/** What its consumer for Redis does, on the hub instead. */
class HubConsumer extends AbstractNotificationConsumer<string> {
  readonly #client: HubClient

  constructor(client: HubClient, id: string) {
    super(id)
    this.#client = client
  }

  async subscribe(): Promise<void> {
    this.#client.subscribe(CHANNEL, (received) => {
      const message = received as Message
      if (message.action === 'delete') this.targetCache.deleteMany(message.keys)
      else if (message.action === 'set') this.targetCache.set(message.key, message.value)
      else this.targetCache.clear()
    })
  }

  close = async (): Promise<void> => this.#client.unsubscribe(CHANNEL)
}

function publisherOn(client: HubClient): NotificationPublisher<string> {
  const publish = (message: Message): Promise<void> => client.publish(CHANNEL, message)
  return {
    channel: CHANNEL,
    errorHandler: () => undefined,
    delete: (key) => publish({ action: 'delete', keys: [key] }),
    deleteMany: (keys) => publish({ action: 'delete', keys }),
    set: (key, value) => publish({ action: 'set', key, value }),
    clear: () => publish({ action: 'clear' }),
    subscribe: async () => undefined,
    close: async () => undefined,
  }
}

async function processOn(link: HubClient, id: string): Promise<Process & { close: () => Promise<void> }> {
  const loads = new Map<string, Load>()
  const background = new Set<Promise<unknown>>()
  const loader = new Loader<string>({
    inMemoryCache: MEMORY,
    dataSourceGetOneFn: async (key) => loads.get(key)?.(),
    notificationConsumer: new HubConsumer(link, id),
    notificationPublisher: publisherOn(link),
    scheduleBackgroundWork: (work) => void background.add(work),
    throwIfLoadError: true,
  })
  await loader.init()
  return {
    async read(key, load) {
      loads.set(key, load)
      return present(await loader.get(key))
    },
    async invalidate(key) {
      await loader.invalidateCacheFor(key)
      await Promise.all(background)
    },
    link,
    close: () => loader.close(),
  }
}

/** Groups are what it has of tags. */
function groupProcess(): Process & { invalidateGroup: () => Promise<void> } {
  const loads = new Map<string, Load>()
  const loader = new GroupLoader<string>({
    inMemoryCache: { ...MEMORY, maxGroups: 10, maxItemsPerGroup: 100, cacheType: 'lru-object' },
    dataSources: [
      { name: 'rows', getFromGroup: async (key) => loads.get(key)?.(), getManyFromGroup: async () => [] },
    ],
    throwIfLoadError: true,
  })
  return {
    async read(key, load) {
      loads.set(key, load)
      return present(await loader.get(key, TAG))
    },
    invalidate: (key) => loader.invalidateCacheFor(key, TAG),
    invalidateGroup: () => loader.invalidateCacheForGroup(TAG),
  }
}

function present(value: string | undefined | null): string {
  if (value === undefined || value === null) throw new Error('nothing was loaded')
  return value
}

export const layeredLoader: Subject = {
  name: 'layered-loader',
  configuration:
    'memory in each process and a notification publisher and consumer; groups (`GroupLoader`) where the race is about tags',
  workerd: {
    node: true,
    configuration:
      '`layered-loader/core`; `scheduleBackgroundWork` with the `waitUntil` of the request; `nodejs_compat`',
  },
  reach: 'bus',
  async open(tagged) {
    if (tagged) {
      const a = groupProcess()
      const b = groupProcess()
      return {
        a,
        b,
        invalidateTag: (at) => (at === a ? a : b).invalidateGroup(),
        delivered: turns,
        close: async () => undefined,
      }
    }
    const hub = new Hub()
    const a = await processOn(hub.connect(), 'a')
    const b = await processOn(hub.connect(), 'b')
    return {
      a,
      b,
      delivered: turns,
      async close() {
        await a.close()
        await b.close()
      },
    }
  },
}
