/** @file Takes one picture with the camera, to search by it. The person sees what the camera sees before anything is taken. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { CaptureError, type CaptureProblem, letGo, openDevice, takePicture } from './capture.ts';
import { useTexts } from './language.ts';

interface CameraProps {
  onPicture(picture: File): void;
  onProblem(problem: CaptureProblem): void;
  onClose(): void;
}

export function Camera({ onPicture, onProblem, onClose }: CameraProps) {
  const { text } = useTexts();
  const dialogRef = useRef<HTMLDialogElement>(null);
  const videoRef = useRef<HTMLVideoElement>(null);
  const [isReady, setReady] = useState(false);
  // The device is asked for once, whatever is drawn anew meanwhile.
  const told = useRef({ onProblem, onClose });
  told.current = { onProblem, onClose };
  useEffect(() => {
    dialogRef.current?.showModal();
    let isOver = false;
    let stream: MediaStream | undefined;
    openDevice({ video: { facingMode: 'environment', width: { ideal: 1280 } } }).then(
      (opened) => {
        stream = opened;
        if (isOver || videoRef.current === null) return letGo(opened);
        videoRef.current.srcObject = opened;
        videoRef.current.play().catch(() => {});
      },
      (error: unknown) => {
        if (isOver) return;
        told.current.onProblem(error instanceof CaptureError ? error.problem : 'failed');
        told.current.onClose();
      },
    );
    return () => {
      isOver = true;
      letGo(stream);
    };
  }, []);
  const take = async () => {
    if (videoRef.current === null) return;
    try {
      onPicture(await takePicture(videoRef.current));
    } catch (error) {
      onProblem(error instanceof CaptureError ? error.problem : 'failed');
    }
    onClose();
  };
  return (
    <dialog ref={dialogRef} class="large-view camera" aria-label={text.camera} onClose={onClose}>
      <video ref={videoRef} muted playsInline aria-label={text.cameraSees} onLoadedData={() => setReady(true)} />
      <div class="large-facts">
        <p class="quiet" role="status">
          {isReady ? text.cameraNote : text.cameraAsking}
        </p>
        <div class="large-actions">
          <button type="button" class="button" onClick={() => dialogRef.current?.close()}>
            {text.cancel}
          </button>
          <button type="button" class="button strong" disabled={!isReady} onClick={() => void take()}>
            {text.takePicture}
          </button>
        </div>
      </div>
    </dialog>
  );
}
