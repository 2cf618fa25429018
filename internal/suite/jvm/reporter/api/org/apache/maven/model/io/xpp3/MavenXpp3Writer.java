package org.apache.maven.model.io.xpp3;

import java.io.IOException;
import java.io.Writer;

import org.apache.maven.model.Model;

public class MavenXpp3Writer {
    public native void write(Writer to, Model model) throws IOException;
}
