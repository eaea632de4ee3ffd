/** Partitions and positions by the names of their topics. @module */

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The next offset of one partition. */
export interface TopicPosition extends TopicPartition {
  readonly offset: number
}
