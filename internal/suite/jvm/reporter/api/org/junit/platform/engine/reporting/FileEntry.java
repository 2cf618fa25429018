package org.junit.platform.engine.reporting;

import java.nio.file.Path;

public final class FileEntry {
    public native Path getPath();
}
