// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// What a frame is.
const (
	frameLogin   = 'L'
	frameCheck   = 'C'
	frameAnswer  = 'A'
	frameHidden  = 'p'
	frameShown   = 'P'
	frameInfo    = 'i'
	frameError   = 'e'
	frameVerdict = 'V'
	frameReport  = 'R'
)

// Limits of a conversation.
const (
	MaxAnswer  = 511 // bytes; PAM_MAX_RESP_SIZE has room for a NUL too
	MaxPrompts = 16
	MaxTexts   = 64

	FirstFrame = 10 * time.Second  // from connect to the whole request
	WholeTime  = 120 * time.Second // of a conversation

	maxRequest = 4096
	maxText    = 1024 // bytes; PAM_MAX_MSG_SIZE is 512
	maxVerdict = 65535
	headerSize = 3
)

// limit is how long a frame of a kind may be, -1 for a kind that does not exist.
func limit(kind byte) int {
	switch kind {
	case frameLogin:
		return maxRequest
	case frameCheck:
		return 0
	case frameAnswer:
		return MaxAnswer
	case frameHidden, frameShown, frameInfo, frameError:
		return maxText
	case frameVerdict, frameReport:
		return maxVerdict
	}
	return -1
}

// readFrame reads one frame of a kind that is among the legal ones.
func readFrame(r io.Reader, legal string) (kind byte, payload []byte, err error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	kind = header[0]
	n := int(binary.BigEndian.Uint16(header[1:]))
	switch {
	case limit(kind) < 0 || strings.IndexByte(legal, kind) < 0:
		return 0, nil, fmt.Errorf("a frame %q where one of %q is due", kind, legal)
	case n > limit(kind):
		return 0, nil, fmt.Errorf("a frame %q of %d bytes; %d are allowed", kind, n, limit(kind))
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		clear(payload)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return kind, payload, nil
}

// writeFrame writes a frame at once and leaves no copy of it in memory.
func writeFrame(w io.Writer, kind byte, payload []byte) error {
	if len(payload) > limit(kind) {
		return fmt.Errorf("a frame %q of %d bytes; %d are allowed", kind, len(payload), limit(kind))
	}
	frame := make([]byte, headerSize, headerSize+len(payload))
	frame[0] = kind
	binary.BigEndian.PutUint16(frame[1:], uint16(len(payload)))
	frame = append(frame, payload...)
	defer clear(frame)
	_, err := w.Write(frame)
	return err
}

// decode reads one JSON object that has no field that v does not know.
func decode(payload []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return nil
}

// checkAnswer refuses what PAM would see differently: a C string ends at its first
// NUL, so that "secret\x00x" would be taken for "secret".
func checkAnswer(answer []byte) error {
	switch {
	case len(answer) > MaxAnswer:
		return fmt.Errorf("an answer of %d bytes; %d are allowed", len(answer), MaxAnswer)
	case bytes.IndexByte(answer, 0) >= 0:
		return errors.New("an answer with a NUL in it")
	}
	return nil
}
