package org.apache.maven.project;

import java.io.File;
import java.util.Set;

import org.apache.maven.artifact.Artifact;

public class MavenProject {
    public native File getFile();

    public native Set<Artifact> getArtifacts();
}
