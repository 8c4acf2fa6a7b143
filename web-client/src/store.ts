// SPDX-License-Identifier: Apache-2.0
/** One value and those who watch it. */

export class Store<T> {
  private readonly watchers = new Set<() => void>();

  constructor(private value: T) {}

  get(): T {
    return this.value;
  }

  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const watcher of [...this.watchers]) watcher();
  }

  /** Changes some members of an object value. */
  patch(part: Partial<T>): void {
    this.set({ ...this.value, ...part });
  }

  /** Returns the way to stop watching. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}
