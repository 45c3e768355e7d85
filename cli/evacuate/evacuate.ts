/**
 * One evacuation as a user sees it. Ctrl-C leaves: the migrations are the controllers' and go on without us, and how to
 * follow or cancel each of them is what is said then.
 */
import { PortkeyError } from '../../libraries/errors/index.js';
import type { Cli } from '../cli.js';
import type { Controller, EvacuateRequest } from '../controller.js';
import { Moves, type Move } from './moves.js';
import { evacuationView } from './view.js';

/** Resolves also where containers stay. Throws what the controller refuses before there is a plan, and `cancelled`. */
export async function evacuate(
  cli: Pick<Cli, 'output' | 'clock' | 'interrupts'>,
  controller: Controller,
  request: EvacuateRequest & { readonly vm: string },
): Promise<Move[]> {
  const moves = new Moves();
  using view = evacuationView(cli.output, cli.clock, request.vm, moves);
  let leave: (error: PortkeyError) => void = () => undefined;
  const leaving = new Promise<never>((_, reject) => (leave = reject));
  const handler = cli.interrupts.on(() => leave(left(moves)));
  const follow = async (): Promise<void> => {
    for await (const event of controller.evacuate(request)) {
      moves.take(event);
      view.show(event);
    }
  };
  try {
    await Promise.race([follow(), leaving]);
    return moves.all;
  } finally {
    handler[Symbol.dispose]();
  }
}

function left(moves: Moves): PortkeyError {
  const under = moves.unfinished.map(
    ({ container, migration }) => `${container} ${migration ?? 'not begun'}`,
  );
  return new PortkeyError(
    'cancelled',
    'the migrations go on without this command; follow one with portkey watch ID, cancel it with portkey cancel ID' +
      (under.length === 0 ? '' : `: ${under.join(', ')}`),
  );
}
