// How long updates take, for telling when training will be done.

/** How much the last update's time counts in the smoothed pace: batches differ in length, so a few dozen are averaged. */
const WEIGHT = 0.03;
/** Updates of this process before the pace says anything: the first make what later ones find, and are far slower. */
const WARM_UP = 3;
const ENOUGH = 20;
/** What an update takes that Ctrl-Z or another program stopped on its way, at least: it says nothing of those to come. */
const STOPPED = { seconds: 10, paces: 20 };

/** Seconds an update, smoothed. */
export class Pace {
  private updates = 0;
  private smoothed = 0;

  /** @param seconds of the next update. */
  add(seconds: number): void {
    this.updates++;
    const timed = this.updates - WARM_UP;
    if (timed < 1) return;
    const wasStopped = timed > 1 && seconds > STOPPED.seconds && seconds > STOPPED.paces * this.smoothed;
    if (!wasStopped) this.smoothed += Math.max(WEIGHT, 1 / timed) * (seconds - this.smoothed);
  }

  /** Null as long as too little was seen. */
  get secondsAnUpdate(): number | null {
    return this.updates < ENOUGH ? null : this.smoothed;
  }
}
