package org.apache.maven.project;

import java.io.File;
import java.util.List;
import java.util.Set;

import org.apache.maven.artifact.Artifact;
import org.apache.maven.model.Build;
import org.apache.maven.model.Extension;
import org.apache.maven.model.Model;
import org.apache.maven.model.Resource;

public class MavenProject {
    public native File getFile();

    public native Set<Artifact> getArtifacts();

    public native MavenProject getParent();

    public native Model getOriginalModel();

    public native Build getBuild();

    public native List<Extension> getBuildExtensions();

    public native List<String> getCompileSourceRoots();

    public native List<String> getTestCompileSourceRoots();

    public native List<Resource> getResources();

    public native List<Resource> getTestResources();
}
