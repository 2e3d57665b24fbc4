/** @file Hold to record: the microphone is heard while the button is held, by pointer or Space; a short press records until the next one. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { CaptureError, type CaptureProblem, maxRecordingSeconds, type Recording, startRecording } from './capture.ts';
import { MicrophoneIcon } from './icons.tsx';
import { useTexts } from './language.ts';

/** A shorter press does not hold: it starts, and the next one stops. In milliseconds. */
const holdMs = 350;

interface RecordButtonProps {
  onSound(sound: File): void;
  onProblem(problem: CaptureProblem): void;
}

export function RecordButton({ onSound, onProblem }: RecordButtonProps) {
  const { text } = useTexts();
  const [phase, setPhase] = useState<'idle' | 'asking' | 'recording' | 'reading'>('idle');
  const recording = useRef<Recording | undefined>(undefined);
  const press = useRef({ isDown: false, startedMs: 0, isFirst: false });

  const begin = async () => {
    setPhase('asking');
    try {
      const started = await startRecording();
      recording.current = started;
      setPhase('recording');
      const sound = await started.sound;
      setPhase('idle');
      onSound(sound);
    } catch (error) {
      setPhase('idle');
      onProblem(error instanceof CaptureError ? error.problem : 'failed');
    } finally {
      recording.current = undefined;
    }
  };
  const stop = () => {
    if (recording.current === undefined) return;
    setPhase('reading');
    recording.current.stop();
  };
  const down = () => {
    if (press.current.isDown) return;
    press.current = { isDown: true, startedMs: performance.now(), isFirst: phase === 'idle' };
    if (phase === 'idle') void begin();
    else stop();
  };
  const up = () => {
    const { isDown, startedMs, isFirst } = press.current;
    press.current.isDown = false;
    if (isDown && isFirst && performance.now() - startedMs > holdMs) stop();
  };
  useEffect(() => () => recording.current?.discard(), []);
  useEffect(() => {
    if (phase !== 'recording') return;
    const onEscape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      recording.current?.discard();
      recording.current = undefined;
      setPhase('idle');
    };
    document.addEventListener('keydown', onEscape, { capture: true });
    return () => document.removeEventListener('keydown', onEscape, { capture: true });
  }, [phase]);

  const isOn = phase === 'recording';
  return (
    <>
      <button
        type="button"
        class={isOn ? 'in-box recording' : 'in-box'}
        aria-label={isOn ? text.stopRecording : text.record}
        aria-pressed={isOn}
        title={text.record}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          down();
        }}
        onPointerUp={up}
        onPointerCancel={up}
        onContextMenu={(event) => event.preventDefault()}
        onKeyDown={(event) => {
          if (event.key !== ' ' && event.key !== 'Enter') return;
          event.preventDefault();
          if (!event.repeat) down();
        }}
        onKeyUp={(event) => {
          if (event.key === ' ' || event.key === 'Enter') up();
        }}
        onBlur={up}
      >
        <MicrophoneIcon />
      </button>
      {phase !== 'idle' && (
        <span class="capture-note">
          <span role="status">{text.recording[phase]}</span>
          {isOn && (
            <span class="capture-time" aria-hidden="true">
              <span style={{ animationDuration: `${maxRecordingSeconds}s` }} />
            </span>
          )}
        </span>
      )}
    </>
  );
}
