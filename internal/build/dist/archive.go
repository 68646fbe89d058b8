package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// writeTar archives the files of dir, under the folder prefix if there is one. Names are
// in order; times, owners and modes do not depend on the machine.
func writeTar(file, dir, prefix string) error {
	archive, err := archived(dir, prefix)
	if err != nil {
		return err
	}
	return writeFile(file, archive)
}

// writeTarGzip is writeTar with gzip, whose header has neither time nor name.
func writeTarGzip(file, dir, prefix string) error {
	archive, err := archived(dir, prefix)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	gz, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := gz.Write(archive); err != nil {
		return err
	}
	if err := gz.Close(); err != nil {
		return err
	}
	return writeFile(file, buf.Bytes())
}

func archived(dir, prefix string) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		header := &tar.Header{
			Typeflag: tar.TypeReg,
			Name:     path.Join(prefix, filepath.ToSlash(name)),
			Mode:     0o644,
			Size:     int64(len(text)),
			ModTime:  time.Unix(0, 0),
			Format:   tar.FormatUSTAR,
		}
		if strings.HasSuffix(name, ".sh") {
			header.Mode = 0o755
		}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
