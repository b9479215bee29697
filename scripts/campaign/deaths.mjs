// Something befalls a training or a reproduction, again and again at calls of the file system that are drawn; then it is done
// to its end, and there must be what there is where nothing befell it. Most commands run, and die, in this process; some are
// processes that the system ends, at a call or at a moment.

import path from 'node:path';
import { judge } from './judge.mjs';
import { pick } from './nonsense.mjs';
import { argsOf, copySource, UNDERTAKINGS } from './world.mjs';

/** The share of the undertakings whose commands are processes. */
const AS_PROCESSES = 0.04;
/** The most that befalls one of them, before it is left to end. */
const MOST = 12;

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** By kind: each a function of a source of chance and a folder that gives the endings and what is wrong, see campaign.mjs. */
export function deaths(world) {
  const { calls, sri, start, differs } = world;

  const undertaking = (befall, befallProcess, mayEnd) => async (random, scratch) => {
    const name = pick(random, UNDERTAKINGS);
    const runs = path.join(scratch, 'runs');
    const args = argsOf(name, runs);
    copySource(name, runs);
    const once = random.uniform() < AS_PROCESSES ? befallProcess : befall;
    const endings = [];
    for (let times = 1 + random.integer(MOST); times > 0; times--) {
      // The earlier, the more often, so that a run goes on many times before it is at its end.
      const at = 1 + random.integer(Math.ceil(calls[name] / 4));
      const end = await once(args, at, random);
      const { ended, wrong } = judge(end, mayEnd);
      endings.push(ended);
      if (wrong !== null) return { endings, wrong: `${name}: ${wrong}` };
      if (end.code === 0 && end.signal === null) break;
    }
    const again = await sri(args);
    if (again.code !== 0) return { endings, wrong: `${name} could not go on: ${again.code}: ${again.error}` };
    const difference = differs(name, runs);
    return { endings, wrong: difference === undefined ? null : `${name}: ${difference}` };
  };

  const death = (random) => (random.uniform() < 0.3 ? 'tear' : 'kill');
  const fault = (random) => pick(random, ['ENOSPC', 'EIO']);
  const atCall = (what) => (args, at, random) => sri(args, { at, what: what(random) });
  const processAtCall = (what) => (args, at, random) => start(args, { SRI_CAMPAIGN_BEFALL: `${at}:${what(random)}` });
  const signalled = (args, at, random) => {
    const stop = new AbortController();
    const signal = pick(random, Object.keys(SIGNALS));
    return sri(args, { at, what: () => stop.abort(signal), stop });
  };
  const processSignalled = (args, _, random) =>
    start(args, {}, (child) => {
      const timer = setTimeout(
        () => child.kill(pick(random, [...Object.keys(SIGNALS), 'SIGKILL'])),
        3000 * random.uniform(),
      );
      child.on('close', () => clearTimeout(timer));
    });
  return {
    kill: undertaking(atCall(death), processAtCall(death)),
    signal: undertaking(signalled, processSignalled, [0, 1, 2, ...Object.values(SIGNALS)]),
    fault: undertaking(atCall(fault), processAtCall(fault)),
  };
}
